import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Hub } from "./e2e-hub.ts";
import { BuiltMirror } from "./e2e-mirror.ts";
import { makeTempDir } from "./temp-dir.ts";

const USER = "puller";

/** What the upstreams and the mirror of `Registries` are set to. */
export const settings = {
  ghcrName: "ghcr.mirror.localhost",
  denyMessage: "ask the platform team for secret/*",
  password: "Tr0ub4dor-and-3",
};

interface Parts {
  directory: string;
  hub: Hub;
  ghcr: Hub;
  quay: Hub;
  mirror: BuiltMirror;
}

/**
 * Three registries, of which quay.io lets nobody in without a password, and one mirror of them all.
 * Its tags have to be revalidated each time.
 */
export class Registries implements AsyncDisposable {
  readonly directory: string;
  readonly hub: Hub;
  readonly ghcr: Hub;
  readonly quay: Hub;
  readonly mirror: BuiltMirror;
  readonly #owned: AsyncDisposableStack;

  private constructor(parts: Parts, owned: AsyncDisposableStack) {
    this.directory = parts.directory;
    this.hub = parts.hub;
    this.ghcr = parts.ghcr;
    this.quay = parts.quay;
    this.mirror = parts.mirror;
    this.#owned = owned;
  }

  static async start(): Promise<Registries> {
    await using owned = new AsyncDisposableStack();
    const { path: directory } = owned.use(await makeTempDir());
    const users = { [USER]: settings.password };
    const hub = owned.use(await Hub.start(join(directory, "hub")));
    const ghcr = owned.use(await Hub.start(join(directory, "ghcr")));
    const quay = owned.use(await Hub.start(join(directory, "quay"), { users }));
    await writeFile(passwordFile(directory), settings.password);
    const upstreams = {
      "docker.io": { endpoints: [hub.url], prefix: "hub" },
      "ghcr.io": {
        endpoints: [ghcr.url],
        hosts: [settings.ghcrName],
        deny: ["secret/*"],
        denyMessage: settings.denyMessage,
      },
      "quay.io": {
        endpoints: [quay.url],
        credentials: { username: USER, passwordFile: passwordFile(directory) },
      },
    };
    const mirror = owned.use(
      await BuiltMirror.start({
        directory: join(directory, "mirror"),
        endpoint: hub.url,
        revalidateAfter: "1ms",
        settings: { upstreams, log: { format: "json", level: "debug" } },
      }),
    );
    return new Registries({ directory, hub, ghcr, quay, mirror }, owned.move());
  }

  get all(): Hub[] {
    return [this.hub, this.ghcr, this.quay];
  }

  /** `entrepot setup CLIENT --write` for a machine of its own → where that machine's `/` is. */
  async setUp(client: string): Promise<string> {
    const root = join(this.directory, `${client}-host`);
    await mkdir(root, { recursive: true });
    const place = ["--root", root, "--url", this.mirror.url];
    await this.mirror.command("setup", client, "--write", ...place);
    return root;
  }

  /** Of all registries. */
  async goAway(): Promise<void> {
    await Promise.all(this.all.map((hub) => hub.goAway()));
  }

  /** quay.io wants another from now on; the mirror is not told. */
  changePassword(password: string): void {
    this.quay.changePassword(USER, password);
  }

  /** Puts another file in the place of the mirror's, as secrets are renewed in Kubernetes. */
  async tellMirrorPassword(password: string): Promise<void> {
    const path = passwordFile(this.directory);
    await writeFile(`${path}.new`, `${password}\n`);
    await rename(`${path}.new`, path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

function passwordFile(directory: string): string {
  return join(directory, "quay-password");
}

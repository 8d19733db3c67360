import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ContainerTools } from "./e2e-containers.ts";
import { BuiltMirror, type MirrorOptions } from "./e2e-mirror.ts";
import type { TestImage } from "./images.ts";
import { makeTempDir } from "./temp-dir.ts";

/** As in the configuration file. */
export type WrittenUpstreams = Record<string, Record<string, unknown>>;

interface EgressWorldOptions extends Pick<MirrorOptions, "env" | "revalidateAfter"> {
  /** The first one is the default. */
  upstreams: WrittenUpstreams;
  /** Files for the configuration to name, by their paths in the directory: passwords. */
  files?: Record<string, string>;
}

/** A mirror of several upstreams, and skopeo and podman, which pull from it by the upstream's name. */
export class EgressWorld implements AsyncDisposable {
  readonly mirror: BuiltMirror;
  readonly tools: ContainerTools;
  readonly #owned: AsyncDisposableStack;
  /** What commands have printed. */
  #printed = "";
  #copies = 0;

  private constructor(parts: Pick<EgressWorld, "mirror" | "tools">, owned: AsyncDisposableStack) {
    this.mirror = parts.mirror;
    this.tools = parts.tools;
    this.#owned = owned;
  }

  static async start({ upstreams, files = {}, ...rest }: EgressWorldOptions): Promise<EgressWorld> {
    await using owned = new AsyncDisposableStack();
    const { path } = owned.use(await makeTempDir());
    const directory = join(path, "mirror");
    await mkdir(directory);
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
    const [defaultUpstream] = Object.keys(upstreams);
    const settings = { log: { format: "json", level: "debug" }, upstreams, defaultUpstream };
    const mirror = owned.use(
      await BuiltMirror.start({ ...rest, directory, settings, endpoint: "" }),
    );
    const tools = await ContainerTools.create(join(path, "tools"), mirror.host);
    return new EgressWorld({ mirror, tools }, owned.move());
  }

  /** Everything that the server and commands have said. */
  get told(): string {
    return this.mirror.log + this.#printed;
  }

  /** Pulls by skopeo; rejects where that fails, or where what came is not the image. */
  async copy(name: string, image: TestImage): Promise<void> {
    const target = join(this.tools.directory, `copy-${(this.#copies += 1)}`);
    const from = `docker://${this.mirror.host}/${name}`;
    await this.tools.skopeo(["copy", "--src-tls-verify=false", from, `dir:${target}`]);
    for (const { digest, bytes } of [image.config, ...image.layers]) {
      const copied = await readFile(join(target, digest.replace("sha256:", "")));
      if (!copied.equals(bytes)) throw new Error(`${name}: wrong bytes for ${digest}`);
    }
    const manifest = await readFile(join(target, "manifest.json"));
    if (!manifest.equals(image.manifest.bytes)) throw new Error(`${name}: another manifest`);
  }

  /** What `entrepot ARGUMENTS` prints, and how it ends. */
  async command(...args: string[]): Promise<{ end: number | string; output: string }> {
    await using program = this.mirror.launch(...args);
    const end = await program.exited;
    this.#printed += program.output;
    return { end, output: program.standardOutput };
  }

  /** Answers to clients with so much of a blob's bytes as they asked for, as the server logged them. */
  blobAnswers(digest: string): number {
    const lines = this.mirror.log.split("\n").filter((line) => line.includes(digest));
    return lines.map((line): unknown => JSON.parse(line)).filter((line) => isBlobAnswer(line))
      .length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

function isBlobAnswer(line: unknown): boolean {
  if (typeof line !== "object" || line === null) return false;
  const wanted = { msg: "request", method: "GET", route: "blob" };
  const fields = new Map<string, unknown>(Object.entries(line));
  return Object.entries(wanted).every(([key, value]) => fields.get(key) === value);
}

import { describe, expect, test } from "@jest/globals";
import { join } from "node:path";
import { Containerd } from "../support/e2e-containerd.ts";
import { ContainerTools } from "../support/e2e-containers.ts";
import { ask, type Reply } from "../support/e2e-http.ts";
import { makeRunnableImage } from "../support/e2e-images.ts";
import { pushArtifact, pushImage } from "../support/e2e-push.ts";
import { Registries, settings } from "../support/e2e-registries.ts";
import type { JournalEntry } from "../support/fake-registry-journal.ts";
import { makeImage, type TestImage } from "../support/images.ts";
import { eventually } from "../support/wait.ts";

const NEW_PASSWORD = "correct-horse-battery-staple";

interface World extends AsyncDisposable {
  readonly registries: Registries;
  /** quay.io/team/secret:1 */
  readonly secret: TestImage;
  readonly podman: ContainerTools;
}

async function startWorld(): Promise<World> {
  await using owned = new AsyncDisposableStack();
  const registries = owned.use(await Registries.start());
  const { directory, quay } = registries;
  const secret = await makeRunnableImage(directory, { seed: "secret", layers: [600_000] });
  await pushImage(quay.pushUrl, "team/secret", "1", secret);
  const root = await registries.setUp("podman");
  const podman = await ContainerTools.createWith(
    join(directory, "tools"),
    join(root, "etc/containers/registries.conf.d"),
  );
  const all = owned.move();
  return { registries, secret, podman, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

function get({ registries: { mirror } }: World, path: string): Promise<Reply> {
  return ask(`${mirror.url}/v2/${path}`);
}

/** As a client does that knows no password → the digest of the image's configuration. */
async function pullSecret({ podman }: World): Promise<string> {
  await podman.podman(["rmi", "--all", "--force"]);
  const pull = ["pull", "--quiet", ...podman.policyArgs(), "quay.io/team/secret:1"];
  return `sha256:${(await podman.podman(pull)).trim()}`;
}

function authorizationsOf(entries: JournalEntry[]): string[] {
  const headers = entries.map((entry) => entry.headers.authorization);
  return [...new Set(headers.filter((header) => header !== undefined))];
}

/** What of a secret could be found in a text, as it is and as it goes over the wire. */
function formsOf(secret: string): string[] {
  const encoded = Buffer.from(`puller:${secret}`).toString("base64");
  return [secret, encodeURIComponent(secret), encoded, Buffer.from(secret).toString("base64")];
}

describe("a registry that wants a password", () => {
  test("gives an image to podman and ctr, which know none, and again when it is gone", async () => {
    await using world = await startWorld();
    const { registries, secret } = world;
    const root = await registries.setUp("containerd");
    const directory = join(registries.directory, "ctr");
    const hostsDir = join(root, "etc/containerd/certs.d");
    await using containerd = await Containerd.start(directory, hostsDir);
    const parts = [secret.manifest, secret.config, ...secret.layers];

    const direct = await ask(`${registries.quay.url}/v2/team/secret/manifests/1`);
    expect(direct.status).toBe(401);
    for (const goesAway of [true, false]) {
      expect(await pullSecret(world)).toBe(secret.config.digest);
      await containerd.pull("quay.io/team/secret:1");
      const held = await Promise.all(parts.map((part) => containerd.holds(part)));
      expect(held).toEqual(parts.map(() => true));
      await containerd.removeAll();
      if (goesAway) await registries.goAway();
    }
  });

  test("decides which repositories give what is cached of a private one", async () => {
    await using world = await startWorld();
    const { registries, secret } = world;
    const { hub, ghcr, quay } = registries;
    const [, layer] = secret.layers;
    if (!layer) throw new Error("the image has no second layer");
    const { manifest } = secret;
    // closed holds it and nobody may read it; public holds it; stranger holds something else.
    await pushImage(quay.pushUrl, "team/closed", "1", secret);
    quay.deny("team/closed");
    await pushArtifact(`${quay.pushUrl}/v2/team/public`, "1", manifest, [
      secret.config,
      ...secret.layers,
    ]);
    for (const { pushUrl } of [hub, ghcr, quay]) {
      await pushImage(pushUrl, "team/stranger", "1", makeImage({ seed: "stranger" }));
    }
    expect(await pullSecret(world)).toBe(secret.config.digest);

    const strangers = ["team/stranger", "ghcr.io/team/stranger", "quay.io/team/stranger"];
    for (const name of [...strangers, "quay.io/team/closed", "ghcr.io/team/secret"]) {
      for (const path of [`blobs/${layer.digest}`, `manifests/${manifest.digest}`]) {
        const reply = await get(world, `${name}/${path}`);
        expect([name, reply.status]).toEqual([name, 404]);
        expect(reply.body.includes(layer.bytes.subarray(0, 64))).toBe(false);
      }
    }
    const allowed = await get(world, `quay.io/team/public/blobs/${layer.digest}`);
    expect(allowed.status).toBe(200);
    expect(allowed.body.equals(layer.bytes)).toBe(true);
    expect(quay.downloadsOf(layer.digest)).toBe(1);
  });

  test("may change it: cached content is served stale and the rest refused in words until the file says it", async () => {
    await using world = await startWorld();
    const { registries, secret } = world;
    await pushImage(registries.quay.pushUrl, "team/later", "1", makeImage({ seed: "later" }));
    expect(await pullSecret(world)).toBe(secret.config.digest);

    registries.changePassword(NEW_PASSWORD);
    const stale = await get(world, "quay.io/team/secret/manifests/1");
    expect([stale.status, stale.headers["x-cache"]]).toEqual([200, "STALE"]);
    expect(await pullSecret(world)).toBe(secret.config.digest);
    const refused = await get(world, "quay.io/team/later/manifests/1");
    expect(refused.status).toBe(503);
    expect(refused.body.toString()).toContain("quay.io refuses this mirror's credentials");

    await registries.tellMirrorPassword(NEW_PASSWORD);
    await eventually("the new password to be used", async () => {
      return (await get(world, "quay.io/team/later/manifests/1")).status === 200;
    });
    await eventually("what is cached to be revalidated again", async () => {
      const { headers } = await get(world, "quay.io/team/secret/manifests/1");
      return headers["x-cache"] === "REVALIDATED";
    });
    expect(registries.mirror.log).toContain("team/later");
    for (const form of [...formsOf(settings.password), ...formsOf(NEW_PASSWORD)]) {
      expect(registries.mirror.log).not.toContain(form);
    }
  });

  test("is the only one to see it, and a client's own goes nowhere", async () => {
    await using world = await startWorld();
    const { registries } = world;
    const { hub, ghcr, quay, mirror } = registries;
    for (const { pushUrl } of [hub, ghcr]) {
      await pushImage(pushUrl, "team/app", "1", makeImage({ seed: "anonymous" }));
    }
    await pullSecret(world);
    const own = `Basic ${Buffer.from("client:my-own-secret").toString("base64")}`;
    const names = ["team/app", "ghcr.io/team/app", "quay.io/team/secret", "quay.io/team/none"];
    for (const name of names) {
      const url = `${mirror.url}/v2/${name}/manifests/1`;
      const { status, body } = await ask(url, { authorization: own });
      expect(status).toBe(name.endsWith("none") ? 404 : 200);
      expect(body.includes(settings.password)).toBe(false);
    }

    const tokenServer = quay.journal.list({ server: "token" });
    const basic = Buffer.from(`puller:${settings.password}`).toString("base64");
    expect(authorizationsOf(tokenServer)).toEqual([`Basic ${basic}`]);
    const seen = quay.journal.list(({ server }) => server !== "token");
    const tokens = authorizationsOf(seen);
    expect(tokens.length).toBeGreaterThan(0);
    for (const token of tokens) expect(token).toMatch(/^Bearer /);
    expect(authorizationsOf(quay.journal.list({ server: "cdn" }))).toEqual([]);

    const others = JSON.stringify([...hub.journal.entries, ...ghcr.journal.entries]);
    const bare = tokens.map((token) => token.replace("Bearer ", ""));
    const secrets = [...formsOf(settings.password), ...bare];
    for (const secret of secrets) expect(others).not.toContain(secret);
    const everything = others + JSON.stringify(quay.journal.entries);
    const anonymous = authorizationsOf([...hub.journal.entries, ...ghcr.journal.entries]);
    const signatures = everything.match(/signature=[0-9a-f]+/g) ?? [];
    expect(signatures.length).toBeGreaterThan(0);
    expect(mirror.log).toContain("team/secret");
    const unlogged = [...secrets, ...anonymous, ...signatures, "my-own-secret", own, "Basic "];
    for (const secret of unlogged) expect(mirror.log).not.toContain(secret);
    for (const secret of ["my-own-secret", own]) expect(everything).not.toContain(secret);
  });
});

import { describe, expect, test } from "@jest/globals";
import { readFile } from "node:fs/promises";
import { unwrittenEgress } from "../../src/config/to-egress.ts";
import { ociIndex, ociManifest } from "../../src/oci/media-type.ts";
import { directEgress } from "../../src/upstream/egress/egress.ts";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeBlob, makeImage } from "../support/images.ts";
import { SourceFilter } from "../support/source-filter.ts";
import { TestMirror, type Answer } from "../support/test-mirror.ts";
import { authorityFile } from "../support/tls/certificates.ts";

const ca = await readFile(authorityFile, "utf8");

const big = makeBlob(600_000, "in both");
const path = `blobs/${big.digest}`;

/** A registry that everybody pulls from, and one that a client names, set up to harm these. */
class World implements AsyncDisposable {
  readonly hub: FakeRegistry;
  readonly evil: FakeRegistry;
  readonly mirror: TestMirror;
  readonly #evilHost: string;
  readonly #held: AsyncDisposableStack;

  private constructor(
    parts: Pick<World, "hub" | "evil" | "mirror">,
    evilHost: string,
    held: AsyncDisposableStack,
  ) {
    this.hub = parts.hub;
    this.evil = parts.evil;
    this.mirror = parts.mirror;
    this.#evilHost = evilHost;
    this.#held = held;
  }

  static async start(): Promise<World> {
    await using starting = new AsyncDisposableStack();
    const hub = starting.use(await FakeRegistry.start());
    const evil = starting.use(await FakeRegistry.start());
    const front = starting.use(await SourceFilter.start({ target: evil.url, tls: {} }));
    for (const registry of [hub, evil]) registry.addBlob("owner/app", big);
    const { proxies } = directEgress;
    const tls = { ca, certificate: undefined, key: undefined };
    const resolve = new Map([["registry.test", "127.0.0.1"]]);
    const egress = { ...unwrittenEgress, proxies, tls, resolve };
    const anyRegistry = { endpoints: [], allowAddresses: ["127.0.0.0/8"], egress, retries: 0 };
    const mirror = starting.use(
      await TestMirror.start({
        endpoints: [hub.url],
        upstream: { retries: 0 },
        registries: { "*": anyRegistry },
      }),
    );
    return new World({ hub, evil, mirror }, `registry.test:${front.port}`, starting.move());
  }

  ask(what: string): Promise<Answer> {
    return this.mirror.get(`/v2/owner/app/${what}`);
  }

  /** Whatever becomes of it. */
  async askEvil(what: string): Promise<Answer | undefined> {
    return this.mirror.get(`/v2/${this.#evilHost}/owner/app/${what}`).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held.disposeAsync();
  }
}

describe("a blob that another registry claims to have", () => {
  test("comes from the own one while that one sends it slowly, and has its own size", async () => {
    await using world = await World.start();
    const headers = { "content-length": "700000" };
    const slow = world.evil.inject({ method: "GET" }, { stallAfter: 1000, headers });
    const evil = world.askEvil(path);
    await slow.reached;
    const [head, answer] = await Promise.all([
      world.mirror.head(`/v2/owner/app/${path}`),
      world.ask(path),
    ]);
    expect(head.headers["content-length"]).toBe(String(big.bytes.length));
    expect(answer.body.equals(big.bytes)).toBe(true);
    await world.mirror[Symbol.asyncDispose]();
    await evil;
  });

  test("comes from the own one where that one answers nothing", async () => {
    await using world = await World.start();
    const hold = world.evil.inject({ kind: "blob", method: "GET" }, { hold: true, status: 503 });
    const evil = world.askEvil(path);
    await hold.reached;
    const asked = world.ask(path);
    hold.release();
    expect((await asked).body.equals(big.bytes)).toBe(true);
    await evil;
  });
});

describe("a blob of which another registry left a wrong part behind", () => {
  test("is right the second time at the latest, and nobody is blamed for what that one sent", async () => {
    await using world = await World.start();
    world.evil.inject({ kind: "blob", method: "GET" }, { status: 404 });
    const wrong = { flipByteAt: 10, cutAfter: 300_000, times: 1 };
    world.evil.inject({ kind: "blob", method: "GET" }, wrong);
    await world.askEvil(path);
    const first = await world.ask(path).catch(() => undefined);
    if (first) expect(first.body.equals(big.bytes)).toBe(true);
    expect((await world.ask(path)).body.equals(big.bytes)).toBe(true);
    const upstreams = await world.mirror.run("listUpstreams", {});
    const hub = upstreams.find(({ isDefault }) => isDefault);
    expect(hub?.endpoints[0]).toMatchObject({ lies: 0, state: "ok" });
  });
});

describe("a manifest that another registry gave a wrong type", () => {
  test("has its own where it is pulled from its own registry", async () => {
    await using world = await World.start();
    const image = makeImage();
    for (const registry of [world.hub, world.evil]) registry.addImage("owner/app", "latest", image);
    world.evil.inject({ kind: "manifest" }, { headers: { "content-type": ociIndex } });
    await world.askEvil(`manifests/${image.manifest.digest}`);
    const answer = await world.ask(`manifests/${image.manifest.digest}`);
    expect([answer.status, answer.headers["content-type"]]).toEqual([200, ociManifest]);
  });
});

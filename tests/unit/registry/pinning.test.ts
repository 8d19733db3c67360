import { describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { digestHex, type Digest } from "../../../src/oci/digest.ts";
import { parseReference, parseTag } from "../../../src/oci/reference.ts";
import type { QualifiedName } from "../../../src/oci/repository-name.ts";
import { findStandings, isPinned } from "../../../src/registry/pinning.ts";
import { RuleBook, type Rule } from "../../../src/registry/rule-book.ts";
import { createTagPins } from "../../../src/registry/tag-pins.ts";
import { SqliteMetadataStore } from "../../../src/store/metadata/sqlite-metadata-store.ts";
import { rule } from "../../support/cached-content.ts";
import {
  latest,
  makeDigest,
  node,
  redis,
  saveBlobs,
  saveGraph,
} from "../../support/stored-content.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

const clock = new SteppedClock();

/** The tag leads to an index over an image; each of them is signed with cosign's tags. */
class SignedWorld implements AsyncDisposable {
  readonly store = SqliteMetadataStore.openInMemory({
    clock,
    log: pino({ level: "silent" }),
    onRebuilt: () => undefined,
  });

  static async start(repository: QualifiedName = node): Promise<SignedWorld> {
    const world = new SignedWorld();
    const { store } = world;
    await saveGraph(store, "image", { blobs: ["layer"] });
    const index = await saveGraph(store, "index", { manifests: ["image"] });
    await store.saveTag(node, latest, index, 1000);
    await world.sign("image", { repository });
    await world.sign("index", { repository });
    await world.sign("stranger", { repository });
    return world;
  }

  /** Signatures need not be known to be about anything, but by the tag. */
  async sign(seed: string, { repository }: { repository: QualifiedName }): Promise<void> {
    const signature = await saveGraph(this.store, `signature of ${seed}`, {
      repository,
      blobs: [`payload for ${seed}`, "empty config"],
    });
    await saveBlobs(this.store, [`payload for ${seed}`, "empty config"]);
    await this.store.saveTag(repository, signatureTag(digestOfSeed(seed)), signature, 1000);
  }

  pin(reference: string): Promise<void> {
    const parsed = parseReference(reference);
    const pin = { repository: node, reference: parsed, createdAt: 0, until: undefined };
    return this.store.pins.savePin({ ...pin, note: undefined });
  }

  /** Of what these seeds stand for. */
  async listPinned(seeds: string[], rules: Rule[] = []): Promise<string[]> {
    const defaults = { revalidateAfterMs: 0, serveStaleForMs: 0, maxAgeMs: Infinity };
    const book = new RuleBook({ rules, defaults });
    const digests = seeds.map((seed) => makeDigest(seed));
    const standings = await findStandings(this.store.upkeep, digests, clock.now());
    return seeds.filter((_, index) => {
      const standing = standings[index];
      return standing !== undefined && isPinned(standing, book);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store[Symbol.asyncDispose]();
  }
}

/** As `saveGraph` makes it. */
function digestOfSeed(seed: string): Digest {
  return makeDigest(JSON.stringify({ schemaVersion: 2, seed }));
}

function signatureTag(digest: Digest, ending = ".sig") {
  return parseTag(`sha256-${digestHex(digest)}${ending}`);
}

const payloads = ["payload for image", "payload for index", "payload for stranger"];

describe("a pin of what cosign signed", () => {
  test("covers the signatures of all below it, and no others", async () => {
    await using world = await SignedWorld.start();
    expect(await world.listPinned(payloads)).toEqual([]);
    await world.pin("latest");
    expect(await world.listPinned(payloads)).toEqual(payloads.slice(0, 2));
  });

  test("covers the signature of the very manifest, pinned by digest", async () => {
    await using world = await SignedWorld.start();
    await world.pin(digestOfSeed("image"));
    expect(await world.listPinned(payloads)).toEqual(payloads.slice(0, 1));
  });

  test("covers what signatures of other content share with its own", async () => {
    await using world = await SignedWorld.start();
    await world.pin("latest");
    expect(await world.listPinned(["empty config"])).toEqual(["empty config"]);
  });

  test("covers nothing of another repository", async () => {
    await using world = await SignedWorld.start(redis);
    await world.pin("latest");
    expect(await world.listPinned(payloads)).toEqual([]);
  });

  test("covers the list of its referrers, and what that lists", async () => {
    await using world = await SignedWorld.start();
    const { store } = world;
    await saveGraph(store, "bill", { blobs: ["text of the bill"] });
    const list = await saveGraph(store, "list of referrers", { manifests: ["bill"] });
    await saveBlobs(store, ["text of the bill"]);
    await store.saveTag(node, signatureTag(digestOfSeed("image"), ""), list, 1000);
    await world.pin("latest");
    expect(await world.listPinned(["text of the bill"])).toEqual(["text of the bill"]);
    const standings = await findStandings(store.upkeep, [list], clock.now());
    expect(standings).toMatchObject([{ pins: [{ reference: { tag: "latest" } }] }]);
  });

  test("covers all of them, however many there are", async () => {
    await using world = await SignedWorld.start();
    const seeds = Array.from({ length: 70 }, (_, number) => `image ${number}`);
    for (const seed of seeds) {
      await saveGraph(world.store, seed);
      await world.sign(seed, { repository: node });
      await world.pin(digestOfSeed(seed));
    }
    const signed = seeds.map((seed) => `payload for ${seed}`);
    expect(await world.listPinned([...signed, "payload for stranger"])).toEqual(signed);
  });

  test("may be a rule's", async () => {
    await using world = await SignedWorld.start();
    const rules = [rule("docker.io/library/node:latest", { pin: true })];
    expect(await world.listPinned(payloads, rules)).toEqual(payloads.slice(0, 2));
  });
});

describe("the names of a signature", () => {
  test("are its tag first, then those of what it is about", async () => {
    await using world = await SignedWorld.start();
    const digest = makeDigest("payload for image");
    const [standing] = await findStandings(world.store.upkeep, [digest], clock.now());
    expect(standing?.names).toEqual([
      { repository: node, tag: signatureTag(digestOfSeed("image")) },
      { repository: node, tag: "latest" },
    ]);
  });
});

describe("a tag's pin", () => {
  test("holds for it, and for the signatures of what it leads to", async () => {
    await using world = await SignedWorld.start();
    const { pins, upkeep } = world.store;
    const isTagPinned = createTagPins({ pins, upkeep, clock });
    const signature = signatureTag(digestOfSeed("image"));
    expect(await isTagPinned(node, signature)).toBe(false);
    await world.pin("latest");
    expect(await isTagPinned(node, latest)).toBe(true);
    expect(await isTagPinned(node, signature)).toBe(true);
    expect(await isTagPinned(redis, signature)).toBe(false);
    expect(await isTagPinned(node, signatureTag(digestOfSeed("stranger")))).toBe(false);
    expect(await isTagPinned(node, parseTag("other"))).toBe(false);
  });
});

import { describe, expect, test } from "@jest/globals";
import type { Digest } from "../../src/oci/digest.ts";
import type { MetadataStore } from "../../src/store/metadata/metadata-store.ts";
import type { PinStore } from "../../src/store/metadata/pin-store.ts";
import type { StoredContent, UpkeepStore } from "../../src/store/metadata/upkeep-store.ts";
import {
  latest,
  makeDigest,
  makeManifest,
  makeSave,
  node,
  redis,
  saveBlobs,
  saveGraph,
} from "../support/stored-content.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { describeStandings } from "./upkeep-standings.ts";

type UpkeptStore = MetadataStore & { upkeep: UpkeepStore; pins: PinStore };

async function saveSized(store: MetadataStore, sizes: Record<string, number>): Promise<void> {
  for (const [seed, size] of Object.entries(sizes)) {
    await store.saveBlob(makeDigest(seed), { size, checkedAt: 1000 }, 1000);
  }
}

async function walkBlobs(store: UpkeptStore, limit: number): Promise<StoredContent[]> {
  const all: StoredContent[] = [];
  for (let round = 0; round < 100; round += 1) {
    const page = await store.upkeep.listLeastUsed("blob", { after: all.at(-1), limit });
    if (page.length === 0) return all;
    all.push(...page);
  }
  throw new Error("the walk has no end");
}

async function listChecks(store: UpkeptStore, checkedBefore: number, limit = 10) {
  const blobs = await store.upkeep.listLeastChecked({ checkedBefore, limit });
  return blobs.map(({ digest, checkedAt }) => [digest, checkedAt]);
}

/** Every upkeep store keeps these promises. `open` may put files below `directory`. */
export function describeUpkeepStore(
  name: string,
  open: (directory: string) => Promise<UpkeptStore>,
): void {
  async function withStore(act: (store: UpkeptStore) => Promise<void>): Promise<void> {
    await using directory = await makeTempDir();
    await using store = await open(directory.path);
    await act(store);
  }

  describe(`the measure of blobs in ${name}`, () => {
    test("follows what is saved, found, replaced, deleted and removed", () =>
      withStore(async (store) => {
        expect(await store.upkeep.measureBlobs()).toEqual({ count: 0, bytes: 0 });
        await saveSized(store, { a: 5, b: 70, c: 5 * 2 ** 40 });
        await store.addFoundBlob(makeDigest("d"), 1, 1000);
        await store.addFoundBlob(makeDigest("a"), 999, 1000);
        const four = { count: 4, bytes: 76 + 5 * 2 ** 40 };
        expect(await store.upkeep.measureBlobs()).toEqual(four);
        await saveSized(store, { c: 600 });
        expect(await store.upkeep.measureBlobs()).toEqual({ count: 4, bytes: 676 });
        await store.deleteBlob(makeDigest("a"));
        await store.deleteBlob(makeDigest("a"));
        await store.upkeep.removeBlobs([{ digest: makeDigest("b"), usedAt: 1000 }]);
        expect(await store.upkeep.measureBlobs()).toEqual({ count: 2, bytes: 601 });
      }));
  });

  describe(`the least recently used in ${name}`, () => {
    test("come in the order of their use, then of their digests, page by page", () =>
      withStore(async (store) => {
        const seeds = Array.from({ length: 7 }, (_, number) => `same ${number}`);
        await saveBlobs(store, seeds, 3000);
        await saveBlobs(store, ["last"], 4000);
        await saveBlobs(store, ["first"], 2000);
        const same = seeds.map(makeDigest).toSorted();
        const expected = [makeDigest("first"), ...same, makeDigest("last")];
        for (const limit of [1, 2, 3, 100]) {
          expect((await walkBlobs(store, limit)).map(({ digest }) => digest)).toEqual(expected);
        }
      }));

    test("are blobs or manifests, with size and last use", () =>
      withStore(async (store) => {
        const manifest = makeManifest("a");
        const { digest } = manifest;
        await store.saveManifest(makeSave(manifest, { at: 2000 }));
        await saveBlobs(store, ["layer"], 3000);
        const size = manifest.bytes.length;
        expect(await store.upkeep.listLeastUsed("manifest", { limit: 10 })).toEqual([
          { kind: "manifest", digest, size, usedAt: 2000 },
        ]);
        expect(await store.upkeep.listLeastUsed("blob", { limit: 10 })).toEqual([
          { kind: "blob", digest: makeDigest("layer"), size: 10, usedAt: 3000 },
        ]);
      }));

    test("end before `usedBefore`", () =>
      withStore(async (store) => {
        await saveBlobs(store, ["a"], 1000);
        await saveBlobs(store, ["b"], 2000);
        const list = async (usedBefore: number) => {
          const page = await store.upkeep.listLeastUsed("blob", { usedBefore, limit: 10 });
          return page.map(({ usedAt }) => usedAt);
        };
        expect(await list(2000)).toEqual([1000]);
        expect(await list(2001)).toEqual([1000, 2000]);
        expect(await list(Infinity)).toEqual([1000, 2000]);
        expect(await list(-Infinity)).toEqual([]);
      }));

    test("change place when they are used", () =>
      withStore(async (store) => {
        await saveBlobs(store, ["a"], 1000);
        await saveBlobs(store, ["b"], 2000);
        await store.recordUses(new Map([[makeDigest("a"), 3000]]));
        const listed = await walkBlobs(store, 1);
        expect(listed.map(({ digest }) => digest)).toEqual([makeDigest("b"), makeDigest("a")]);
      }));
  });

  describeStandings(name, open);

  describe(`removing unused blobs from ${name}`, () => {
    const layer = makeDigest("layer");
    const unused = { digest: layer, usedAt: 1000 };

    test("says which it removed: not one that was used since, nor one that is not here", () =>
      withStore(async (store) => {
        await saveBlobs(store, ["layer", "used"]);
        await store.recordUses(new Map([[makeDigest("used"), 1001]]));
        const all = ["used", "layer", "absent"].map((seed) => makeDigest(seed));
        const removed = await store.upkeep.removeBlobs(
          all.map((digest) => ({ digest, usedAt: 1000 })),
        );
        expect(removed).toEqual([layer]);
        expect(await store.upkeep.removeBlobs([unused])).toEqual([]);
        expect((await store.findBlob(node, makeDigest("used"))).content).toBeDefined();
        expect((await store.findBlob(node, layer)).content).toBeUndefined();
      }));

    test("keeps their links while a manifest here refers to them", () =>
      withStore(async (store) => {
        await saveGraph(store, "a", { blobs: ["layer"] });
        await saveBlobs(store, ["layer"]);
        await store.upkeep.removeBlobs([unused]);
        expect(await store.findBlob(node, layer)).toEqual({ linked: true, content: undefined });
        expect(await store.findDescribedSize(node, layer)).toBe(10);
      }));

    test("drops links that no manifest here calls for", () =>
      withStore(async (store) => {
        await saveBlobs(store, ["layer"]);
        await store.link(node, layer, 1000);
        await store.upkeep.removeBlobs([unused]);
        expect((await store.findBlob(node, layer)).linked).toBe(false);
      }));
  });

  describe(`removing unused manifests from ${name}`, () => {
    const manifest = makeManifest("a").digest;
    const unused = { digest: manifest, usedAt: 1000 };

    test("forgets them with their tags and links, in every repository", () =>
      withStore(async (store) => {
        for (const repository of [node, redis]) {
          await saveGraph(store, "a", { repository });
          await store.saveTag(repository, latest, manifest, 1000);
        }
        expect(await store.upkeep.removeManifests([unused])).toEqual([manifest]);
        const nothing = { linked: false, content: undefined };
        for (const repository of [node, redis]) {
          expect(await store.findManifest(repository, manifest)).toEqual(nothing);
          expect(await store.findTag(repository, latest)).toBeUndefined();
        }
        expect(await store.upkeep.removeManifests([unused])).toEqual([]);
      }));

    test("leaves alone what was used since, and the tags of others", () =>
      withStore(async (store) => {
        await saveGraph(store, "a");
        const used = await saveGraph(store, "b");
        await store.saveTag(node, latest, used, 1000);
        await store.recordUses(new Map([[used, 1001]]));
        const both = [used, manifest].map((digest) => ({ digest, usedAt: 1000 }));
        expect(await store.upkeep.removeManifests(both)).toEqual([manifest]);
        expect((await store.findManifest(node, used)).content).toBeDefined();
        expect((await store.findTag(node, latest))?.digest).toBe(used);
      }));

    test("keeps blobs that are here, and their links", () =>
      withStore(async (store) => {
        await saveGraph(store, "a", { blobs: ["here", "absent"] });
        await saveBlobs(store, ["here"]);
        await store.upkeep.removeManifests([unused]);
        expect(await store.findBlob(node, makeDigest("here"))).toMatchObject({
          linked: true,
          content: { size: 10 },
        });
        expect((await store.findBlob(node, makeDigest("absent"))).linked).toBe(false);
      }));

    test("keeps links to what another manifest here refers to", () =>
      withStore(async (store) => {
        await saveGraph(store, "a", { blobs: ["shared"], manifests: ["child"] });
        await saveGraph(store, "b", { blobs: ["shared"], repository: redis });
        await saveGraph(store, "child");
        await store.upkeep.removeManifests([unused]);
        expect((await store.findBlob(redis, makeDigest("shared"))).linked).toBe(true);
        expect((await store.findManifest(node, makeManifest("child").digest)).linked).toBe(true);
      }));

    test("drops the links of what only those removed together referred to", () =>
      withStore(async (store) => {
        const index = await saveGraph(store, "index", { manifests: ["a"] });
        await saveGraph(store, "a", { blobs: ["layer"] });
        await saveGraph(store, "b", { blobs: ["layer"] });
        const b = makeManifest("b").digest;
        await store.upkeep.removeManifests(
          [b, manifest, index].map((digest) => ({ digest, usedAt: 1000 })),
        );
        for (const digest of [b, manifest, index, makeDigest("layer")]) {
          expect((await store.findBlob(node, digest)).linked).toBe(false);
        }
      }));

    test("takes them out of the ways that uses go", () =>
      withStore(async (store) => {
        const subject = await saveGraph(store, "subject");
        await saveGraph(store, "a", { blobs: ["layer"], subject: "subject" });
        await saveBlobs(store, ["layer"]);
        await store.upkeep.removeManifests([unused]);
        await store.recordUses(
          new Map<Digest, number>([
            [manifest, 5000],
            [subject, 5000],
          ]),
        );
        expect(await store.lastUsedAt(makeDigest("layer"))).toBe(1000);
      }));
  });

  describe(`checks in ${name}`, () => {
    const [a, b, c] = ["a", "b", "c"].map(makeDigest).toSorted();

    test("come never made first, then the oldest, up to the time and number asked for", () =>
      withStore(async (store) => {
        await saveBlobs(store, ["new"], 9000);
        await saveBlobs(store, ["old"], 1000);
        await saveBlobs(store, ["middle"], 2000);
        await store.addFoundBlob(makeDigest("found"), 7, 5000);
        const found = [makeDigest("found"), undefined];
        const [old, middle] = [
          [makeDigest("old"), 1000],
          [makeDigest("middle"), 2000],
        ];
        expect(await listChecks(store, 9000)).toEqual([found, old, middle]);
        expect(await listChecks(store, 9000, 2)).toEqual([found, old]);
        expect(await listChecks(store, 9000, 1)).toEqual([found]);
        expect(await listChecks(store, 2000)).toEqual([found, old]);
        expect(await listChecks(store, -Infinity)).toEqual([found]);
      }));

    test("are saved and cleared, and passed over where there is no blob", () =>
      withStore(async (store) => {
        await saveBlobs(store, ["a"], 1000);
        const digest = makeDigest("a");
        await store.upkeep.saveCheck(digest, 5000);
        expect((await store.findBlob(node, digest)).content?.checkedAt).toBe(5000);
        expect(await listChecks(store, 5000)).toEqual([]);
        await store.upkeep.clearCheck(digest);
        expect(await listChecks(store, 0)).toEqual([[digest, undefined]]);
        await store.upkeep.saveCheck(makeDigest("absent"), 5000);
        await store.upkeep.clearCheck(makeDigest("absent"));
        expect(await store.upkeep.measureBlobs()).toEqual({ count: 1, bytes: 10 });
      }));

    test("stand with all blobs, listed in digest order, page by page", () =>
      withStore(async (store) => {
        await saveBlobs(store, ["c", "a"], 1000);
        await store.addFoundBlob(makeDigest("b"), 7, 1000);
        const all = await store.upkeep.listBlobs({ limit: 10 });
        expect(all.map(({ digest }) => digest)).toEqual([a, b, c]);
        expect(all).toContainEqual({ digest: makeDigest("b"), size: 7, checkedAt: undefined });
        expect(all).toContainEqual({ digest: makeDigest("c"), size: 10, checkedAt: 1000 });
        expect(await store.upkeep.listBlobs({ limit: 1 })).toEqual(all.slice(0, 1));
        expect(await store.upkeep.listBlobs({ after: a, limit: 1 })).toEqual(all.slice(1, 2));
        expect(await store.upkeep.listBlobs({ after: c, limit: 1 })).toEqual([]);
      }));
  });
}

import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { pino } from "pino";
import type { Digest } from "../../../../src/oci/digest.ts";
import { parseTag, type Reference, type Tag } from "../../../../src/oci/reference.ts";
import { SqliteMetadataStore } from "../../../../src/store/metadata/sqlite-metadata-store.ts";
import {
  makeDigest,
  makeManifest,
  node,
  saveBlobs,
  saveGraph,
} from "../../../support/stored-content.ts";

/** Manifests `m0`… refer to each other and to blobs `b0`…, cycles included. */
interface World {
  manifests: { manifests: string[]; blobs: string[]; subject?: string }[];
  tags: string[];
  pinnedTag: number;
  pinned: string;
  used: string;
}

const log = pino({ enabled: false });
const manifestSeeds = ["m0", "m1", "m2", "m3", "m4", "m5"];
const blobSeeds = ["b0", "b1", "b2", "b3"];

const someManifest = fc.constantFrom(...manifestSeeds);
const worlds: fc.Arbitrary<World> = fc.record({
  manifests: fc.array(
    fc.record(
      {
        manifests: fc.uniqueArray(someManifest, { maxLength: 2 }),
        blobs: fc.uniqueArray(fc.constantFrom(...blobSeeds), { maxLength: 2 }),
        subject: someManifest,
      },
      { requiredKeys: ["manifests", "blobs"] },
    ),
    { maxLength: manifestSeeds.length },
  ),
  tags: fc.array(someManifest, { maxLength: 3 }),
  pinnedTag: fc.nat({ max: 3 }),
  pinned: someManifest,
  used: fc.constantFrom(...manifestSeeds, ...blobSeeds),
});

function toDigest(seed: string): Digest {
  return seed.startsWith("m") ? makeManifest(seed).digest : makeDigest(seed);
}

function toTag(number: number): Tag {
  return parseTag(`t${number}`);
}

/** What is above a seed, itself included: the plain way. */
function findAbove({ manifests }: World, seed: string): Set<string> {
  const above = new Set([seed]);
  for (const current of above) {
    for (const [number, manifest] of manifests.entries()) {
      const refersTo = [...manifest.manifests, ...manifest.blobs];
      if (refersTo.includes(current)) above.add(`m${number}`);
    }
    const subject = current.startsWith("m") && manifests[Number(current.slice(1))]?.subject;
    if (subject) above.add(subject);
  }
  return above;
}

async function save(store: SqliteMetadataStore, world: World): Promise<void> {
  for (const [number, manifest] of world.manifests.entries()) {
    await saveGraph(store, `m${number}`, manifest);
  }
  await saveBlobs(store, blobSeeds);
  for (const [number, seed] of world.tags.entries()) {
    await store.saveTag(node, toTag(number), toDigest(seed), 1000);
  }
  const references: Reference[] = [
    { kind: "tag", tag: toTag(world.pinnedTag) },
    { kind: "digest", digest: toDigest(world.pinned) },
  ];
  const pin = { repository: node, createdAt: 1000, until: undefined, note: undefined };
  for (const reference of references) await store.pins.savePin({ ...pin, reference });
}

describe("SqliteUpkeepStore", () => {
  test("finds the tags and pins that a plain walk upward finds", () =>
    fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        await using store = SqliteMetadataStore.openInMemory({ log });
        await save(store, world);
        const seeds = [...manifestSeeds, ...blobSeeds];
        const standings = await store.upkeep.findStandings(seeds.map(toDigest), 1000);
        for (const [index, seed] of seeds.entries()) {
          const above = findAbove(world, seed);
          const leads = (tagged: string | undefined) => tagged !== undefined && above.has(tagged);
          const tags = world.tags.flatMap((tagged, number) => (leads(tagged) ? toTag(number) : []));
          const names = standings[index]?.names.map(({ tag }) => tag);
          expect(names?.filter((tag) => tag !== undefined)).toEqual(tags);
          const pins = standings[index]?.pins.map(({ reference }) => reference.kind).toSorted();
          const byDigest = above.has(world.pinned) ? ["digest"] : [];
          const byTag = leads(world.tags[world.pinnedTag]) ? ["tag"] : [];
          expect(pins).toEqual([...byDigest, ...byTag]);
        }
      }),
      { numRuns: 150 },
    ));

  test("is told of uses of exactly what a plain walk upward leads to what was used", () =>
    fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        await using store = SqliteMetadataStore.openInMemory({ log });
        await save(store, world);
        await store.recordUses(new Map([[toDigest(world.used), 5000]]));
        const here = [...manifestSeeds.slice(0, world.manifests.length), ...blobSeeds];
        for (const seed of here) {
          const usedAt = findAbove(world, seed).has(world.used) ? 5000 : 1000;
          expect(await store.lastUsedAt(toDigest(seed))).toBe(usedAt);
        }
      }),
      { numRuns: 150 },
    ));
});

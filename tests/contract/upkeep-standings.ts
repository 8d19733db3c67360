import { describe, expect, test } from "@jest/globals";
import type { Digest } from "../../src/oci/digest.ts";
import { parseReference, parseTag } from "../../src/oci/reference.ts";
import type { QualifiedName } from "../../src/oci/repository-name.ts";
import type { MetadataStore } from "../../src/store/metadata/metadata-store.ts";
import type { PinRecord, PinStore } from "../../src/store/metadata/pin-store.ts";
import type { UpkeepStore } from "../../src/store/metadata/upkeep-store.ts";
import {
  latest,
  makeDigest,
  makeManifest,
  node,
  redis,
  saveBlobs,
  saveGraph,
} from "../support/stored-content.ts";
import { makeTempDir } from "../support/temp-dir.ts";

type Store = MetadataStore & { upkeep: UpkeepStore; pins: PinStore };

async function findNames(store: Store, digest: Digest) {
  const [standing] = await store.upkeep.findStandings([digest], 0);
  return standing?.names;
}

async function findPins(store: Store, digest: Digest, at = 5000) {
  const [standing] = await store.upkeep.findStandings([digest], at);
  return standing?.pins;
}

function makePin(reference: string, repository: QualifiedName = node): PinRecord {
  const parsed = parseReference(reference);
  return { repository, reference: parsed, createdAt: 1000, until: undefined, note: "why" };
}

/** Part of the suite of every upkeep store. */
export function describeStandings(name: string, open: (directory: string) => Promise<Store>): void {
  async function withStore(act: (store: Store) => Promise<void>): Promise<void> {
    await using directory = await makeTempDir();
    await using store = await open(directory.path);
    await act(store);
  }

  describe(`names that lead to content in ${name}`, () => {
    test("are the tags of the indexes above it, in every repository, and those on the way", () =>
      withStore(async (store) => {
        const index = await saveGraph(store, "index", { manifests: ["child"], repository: redis });
        const child = await saveGraph(store, "child", { blobs: ["layer"] });
        await saveBlobs(store, ["layer"]);
        await store.saveTag(redis, latest, index, 1000);
        await store.saveTag(node, parseTag("b"), child, 1000);
        await store.saveTag(node, parseTag("a"), index, 1000);
        const names = [
          { repository: node, tag: "a" },
          { repository: node, tag: "b" },
          { repository: redis, tag: "latest" },
        ];
        expect(await findNames(store, makeDigest("layer"))).toEqual(names);
        expect(await findNames(store, child)).toEqual(names);
        expect(await findNames(store, index)).toEqual([names[0], names[2]]);
      }));

    test("are not those of a subject in a repository that does not have the referrer", () =>
      withStore(async (store) => {
        const image = await saveGraph(store, "image");
        await saveGraph(store, "image", { repository: redis });
        const foreign = { subject: "image", blobs: ["text"], repository: redis };
        const signature = await saveGraph(store, "signature", foreign);
        await saveGraph(store, "countersignature", { ...foreign, subject: "signature" });
        await store.saveTag(node, latest, image, 1000);
        await store.pins.savePin(makePin("latest"));
        await store.pins.savePin(makePin(image));
        for (const digest of [signature, makeDigest("text")]) {
          expect(await findNames(store, digest)).toEqual([{ repository: redis, tag: undefined }]);
          expect(await findPins(store, digest)).toEqual([]);
        }
      }));

    test("are those of a referrer's subject, the other way round not", () =>
      withStore(async (store) => {
        const index = await saveGraph(store, "index", { manifests: ["image"] });
        await saveGraph(store, "image");
        await saveGraph(store, "signature", { subject: "image", blobs: ["text"] });
        const { digest: signature } = makeManifest("signature");
        await store.saveTag(node, latest, index, 1000);
        await store.saveTag(node, parseTag("sig"), signature, 1000);
        expect(await findNames(store, makeDigest("text"))).toEqual([
          { repository: node, tag: "latest" },
          { repository: node, tag: "sig" },
        ]);
        expect(await findNames(store, makeManifest("image").digest)).toEqual([
          { repository: node, tag: "latest" },
        ]);
      }));

    test("are repositories that are linked to it, where no tag of theirs leads to it", () =>
      withStore(async (store) => {
        const manifest = await saveGraph(store, "a", { blobs: ["layer"] });
        await saveGraph(store, "other", { repository: redis });
        await store.link(redis, makeDigest("layer"), 1000);
        expect(await findNames(store, makeDigest("layer"))).toEqual([
          { repository: node, tag: undefined },
          { repository: redis, tag: undefined },
        ]);
        await store.saveTag(node, latest, manifest, 1000);
        await store.saveTag(redis, latest, makeManifest("other").digest, 1000);
        expect(await findNames(store, makeDigest("layer"))).toEqual([
          { repository: node, tag: "latest" },
          { repository: redis, tag: undefined },
        ]);
      }));

    test("do not go through a manifest that is not here any more", () =>
      withStore(async (store) => {
        const index = await saveGraph(store, "index", { manifests: ["child"], repository: redis });
        const child = await saveGraph(store, "child", { blobs: ["layer"] });
        await saveBlobs(store, ["layer"]);
        await store.saveTag(redis, latest, index, 1000);
        await store.upkeep.removeManifests([{ digest: child, usedAt: 1000 }]);
        const linked = [{ repository: node, tag: undefined }];
        expect(await findNames(store, makeDigest("layer"))).toEqual(linked);
      }));

    test("come to an end where manifests name each other", () =>
      withStore(async (store) => {
        const one = await saveGraph(store, "one", { manifests: ["two"], subject: "two" });
        const two = await saveGraph(store, "two", { manifests: ["one"] });
        await store.saveTag(node, latest, one, 1000);
        expect(await findNames(store, two)).toEqual([{ repository: node, tag: "latest" }]);
      }));

    test("are found for many digests, in their order", () =>
      withStore(async (store) => {
        const seeds = Array.from({ length: 35 }, (_, number) => `image${number}`);
        for (const seed of seeds) {
          const manifest = await saveGraph(store, seed, { blobs: [`layer of ${seed}`] });
          await store.saveTag(node, parseTag(seed), manifest, 1000);
        }
        const digests = [
          makeDigest("unknown"),
          ...seeds.map((seed) => makeDigest(`layer of ${seed}`)),
        ];
        const standings = await store.upkeep.findStandings(digests, 0);
        expect(standings.map(({ names }) => names.map(({ tag }) => tag))).toEqual([
          [],
          ...seeds.map((seed) => [seed]),
        ]);
        expect(await store.upkeep.findStandings([], 0)).toEqual([]);
      }));
  });

  describe(`pins that cover content in ${name}`, () => {
    test("by tag cover what the tag points to now, with all below it and its referrers", () =>
      withStore(async (store) => {
        const old = await saveGraph(store, "old", { blobs: ["old layer", "base"] });
        const now = await saveGraph(store, "now", { blobs: ["new layer", "base"] });
        const signature = await saveGraph(store, "signature", { subject: "now" });
        const pin = makePin("latest");
        await store.pins.savePin(pin);
        await store.saveTag(node, latest, old, 1000);
        await store.saveTag(redis, latest, old, 1000);
        await store.saveTag(node, latest, now, 2000);
        for (const digest of [now, signature, makeDigest("new layer"), makeDigest("base")]) {
          expect(await findPins(store, digest)).toEqual([pin]);
        }
        for (const digest of [old, makeDigest("old layer")]) {
          expect(await findPins(store, digest)).toEqual([]);
        }
      }));

    test("by digest cover that manifest and all below it, not what is above", () =>
      withStore(async (store) => {
        const index = await saveGraph(store, "index", { manifests: ["child"] });
        const child = await saveGraph(store, "child", { blobs: ["layer"] });
        const pin = makePin(child);
        await store.pins.savePin(pin);
        expect(await findPins(store, child)).toEqual([pin]);
        expect(await findPins(store, makeDigest("layer"))).toEqual([pin]);
        expect(await findPins(store, index)).toEqual([]);
      }));

    test("are told by name, each once, whatever ways lead to it", () =>
      withStore(async (store) => {
        const index = await saveGraph(store, "index", { manifests: ["a", "b"] });
        for (const seed of ["a", "b"]) await saveGraph(store, seed, { blobs: ["base"] });
        await store.saveTag(node, latest, index, 1000);
        const pins = [makePin("latest"), makePin(index), makePin(makeManifest("a").digest, redis)];
        for (const pin of pins.toReversed()) await store.pins.savePin(pin);
        expect(await findPins(store, makeDigest("base"))).toEqual(pins);
      }));

    test("cover content before it is here", () =>
      withStore(async (store) => {
        const { digest } = makeManifest("a");
        const pin = makePin(digest);
        await store.pins.savePin(pin);
        expect(await findPins(store, makeDigest("layer"))).toEqual([]);
        await saveGraph(store, "a", { blobs: ["layer"] });
        expect(await findPins(store, makeDigest("layer"))).toEqual([pin]);
      }));

    test("are in force until their time has come", () =>
      withStore(async (store) => {
        const { digest } = makeManifest("a");
        const pin = { ...makePin(digest), until: 5000 };
        await store.pins.savePin(pin);
        expect(await findPins(store, digest, 4999)).toEqual([pin]);
        expect(await findPins(store, digest, 5000)).toEqual([]);
      }));
  });
}

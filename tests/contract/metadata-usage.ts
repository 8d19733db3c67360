import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import type { Digest } from "../../src/oci/digest.ts";
import type { MetadataStore } from "../../src/store/metadata/metadata-store.ts";
import {
  latest,
  makeDescriptor,
  makeDigest,
  makeManifest,
  makeSave,
  node,
  redis,
  saveBlobs,
  saveGraph,
} from "../support/stored-content.ts";
import { makeTempDir } from "../support/temp-dir.ts";

/** Part of the suite of every metadata store. */
export function describeUsage(
  name: string,
  open: (directory: string) => Promise<MetadataStore>,
): void {
  async function withStore(act: (store: MetadataStore) => Promise<void>): Promise<void> {
    await using directory = await makeTempDir();
    await using store = await open(directory.path);
    await act(store);
  }

  describe(`usage in ${name}`, () => {
    const blob = makeDigest("blob");

    test("counts a save as a use", () =>
      withStore(async (store) => {
        const manifest = makeManifest("a");
        await store.saveManifest(makeSave(manifest));
        await store.saveBlob(blob, { size: 7, checkedAt: 2000 }, 2000);
        expect(await store.lastUsedAt(manifest.digest)).toBe(1000);
        expect(await store.lastUsedAt(blob)).toBe(2000);
      }));

    test("records uses of manifests and blobs in one go", () =>
      withStore(async (store) => {
        const manifest = makeManifest("a");
        await store.saveManifest(makeSave(manifest));
        await store.saveBlob(blob, { size: 7, checkedAt: 1000 }, 1000);
        await store.recordUses(
          new Map([
            [manifest.digest, 5000],
            [blob, 6000],
          ]),
        );
        expect(await store.lastUsedAt(manifest.digest)).toBe(5000);
        expect(await store.lastUsedAt(blob)).toBe(6000);
      }));

    test("never goes back in time", () =>
      withStore(async (store) => {
        const manifest = makeManifest("a");
        await store.saveManifest(makeSave(manifest, { at: 9000 }));
        await store.saveBlob(blob, { size: 7, checkedAt: undefined }, 9000);
        await store.recordUses(
          new Map([
            [manifest.digest, 5000],
            [blob, 5000],
          ]),
        );
        await store.saveManifest(makeSave(manifest, { repository: redis, at: 6000 }));
        await store.saveBlob(blob, { size: 7, checkedAt: 6000 }, 6000);
        expect(await store.lastUsedAt(manifest.digest)).toBe(9000);
        expect(await store.lastUsedAt(blob)).toBe(9000);
      }));

    test("passes over digests it does not know", () =>
      withStore(async (store) => {
        await store.saveBlob(blob, { size: 7, checkedAt: 1000 }, 1000);
        const stranger = makeDigest("stranger");
        await store.recordUses(
          new Map([
            [stranger, 5000],
            [blob, 5000],
          ]),
        );
        await store.recordUses(new Map());
        expect(await store.lastUsedAt(stranger)).toBeUndefined();
        expect(await store.lastUsedAt(blob)).toBe(5000);
      }));

    test("uses all below a manifest that is used, at any depth", () =>
      withStore(async (store) => {
        const index = await saveGraph(store, "index", { manifests: ["child"] });
        const child = await saveGraph(store, "child", { blobs: ["config", "layer"] });
        await saveBlobs(store, ["config", "layer", "stranger"]);
        await store.recordUses(new Map([[index, 5000]]));
        expect(await store.lastUsedAt(index)).toBe(5000);
        expect(await store.lastUsedAt(child)).toBe(5000);
        expect(await store.lastUsedAt(makeDigest("config"))).toBe(5000);
        expect(await store.lastUsedAt(makeDigest("layer"))).toBe(5000);
        expect(await store.lastUsedAt(makeDigest("stranger"))).toBe(1000);
      }));

    test("uses nothing above what is used", () =>
      withStore(async (store) => {
        const index = await saveGraph(store, "index", { manifests: ["child"] });
        const child = await saveGraph(store, "child", { blobs: ["layer"] });
        await saveBlobs(store, ["layer"]);
        await store.recordUses(new Map([[child, 5000]]));
        await store.recordUses(new Map([[makeDigest("layer"), 6000]]));
        expect(await store.lastUsedAt(index)).toBe(1000);
        expect(await store.lastUsedAt(child)).toBe(5000);
        expect(await store.lastUsedAt(makeDigest("layer"))).toBe(6000);
      }));

    test("uses the referrers of a manifest that is used, with all below them", () =>
      withStore(async (store) => {
        const image = await saveGraph(store, "image");
        const signature = await saveGraph(store, "signature", {
          subject: "image",
          blobs: ["text"],
        });
        await saveBlobs(store, ["text"]);
        await store.recordUses(new Map([[image, 5000]]));
        expect(await store.lastUsedAt(signature)).toBe(5000);
        expect(await store.lastUsedAt(makeDigest("text"))).toBe(5000);
        await store.recordUses(new Map([[signature, 6000]]));
        expect(await store.lastUsedAt(image)).toBe(5000);
      }));

    test("uses the referrers of a manifest that an index names but that is not here", () =>
      withStore(async (store) => {
        const index = await saveGraph(store, "index", { manifests: ["absent"] });
        const signature = await saveGraph(store, "signature", { subject: "absent" });
        await store.recordUses(new Map([[index, 5000]]));
        expect(await store.lastUsedAt(signature)).toBe(5000);
        expect(await store.lastUsedAt(makeManifest("absent").digest)).toBeUndefined();
      }));

    test("gives what several manifests share the latest of their uses", () =>
      withStore(async (store) => {
        const uses: [string, number][] = [
          ["a", 5000],
          ["b", 7000],
          ["c", 6000],
        ];
        await saveBlobs(store, ["base"]);
        const digests = new Map<Digest, number>();
        for (const [seed, at] of uses) {
          digests.set(await saveGraph(store, seed, { blobs: ["base"] }), at);
        }
        await store.recordUses(digests);
        expect(await store.lastUsedAt(makeDigest("base"))).toBe(7000);
        expect(await store.lastUsedAt(makeManifest("c").digest)).toBe(6000);
      }));

    test("gives a manifest that is used itself and through its index the latest of both", () =>
      withStore(async (store) => {
        const index = await saveGraph(store, "index", { manifests: ["child"] });
        const child = await saveGraph(store, "child", { blobs: ["layer"] });
        await saveBlobs(store, ["layer"]);
        const uses: [Digest, number][] = [
          [child, 6000],
          [index, 7000],
        ];
        await store.recordUses(new Map(uses));
        expect(await store.lastUsedAt(child)).toBe(7000);
        expect(await store.lastUsedAt(makeDigest("layer"))).toBe(7000);
      }));

    test("comes to an end where manifests name each other", () =>
      withStore(async (store) => {
        const one = await saveGraph(store, "one", { manifests: ["two"], subject: "two" });
        const two = await saveGraph(store, "two", { manifests: ["one", "two"] });
        await store.recordUses(new Map([[one, 5000]]));
        expect(await store.lastUsedAt(two)).toBe(5000);
      }));

    test("follows what a manifest refers to by its last save, and its subject", () =>
      withStore(async (store) => {
        await saveGraph(store, "subject");
        const manifest = await saveGraph(store, "a", { blobs: ["old"], subject: "other" });
        await saveGraph(store, "a", { blobs: ["new"], subject: "subject" });
        await saveBlobs(store, ["old", "new"]);
        await store.recordUses(new Map([[makeManifest("subject").digest, 5000]]));
        expect(await store.lastUsedAt(manifest)).toBe(5000);
        expect(await store.lastUsedAt(makeDigest("new"))).toBe(5000);
        expect(await store.lastUsedAt(makeDigest("old"))).toBe(1000);
      }));

    test("goes no way that a damaged manifest named, once it was found", () =>
      withStore(async (store) => {
        const manifest = { ...makeManifest("a"), bytes: Buffer.from("damaged") };
        const references = [makeDescriptor("layer", 10)];
        await saveBlobs(store, ["layer"]);
        await store.saveManifest(makeSave(manifest, { references }));
        expect((await store.findManifest(node, manifest.digest)).content).toBeUndefined();
        await store.recordUses(new Map([[manifest.digest, 5000]]));
        expect(await store.lastUsedAt(makeDigest("layer"))).toBe(1000);
      }));

    test("records thousands of uses at once, and lets other calls in between", () =>
      withStore(async (store) => {
        const blobs = Array.from({ length: 2000 }, (_, number) => `layer ${number}`);
        await saveBlobs(store, blobs);
        const index = await saveGraph(store, "index", { blobs });
        let isRecording = true;
        const recording = store
          .recordUses(new Map([[index, 5000]]))
          .finally(() => void (isRecording = false));
        await setImmediate();
        await store.saveTag(node, latest, index, 5000);
        expect(isRecording).toBe(true);
        await recording;
        for (const layer of blobs) expect(await store.lastUsedAt(makeDigest(layer))).toBe(5000);
      }));
  });
}

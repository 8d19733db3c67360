import { describe, expect, test } from "@jest/globals";
import { digestOf } from "../../src/oci/digest.ts";
import { ociIndex, ociManifest } from "../../src/oci/media-type.ts";
import { parseTag } from "../../src/oci/reference.ts";
import type { MetadataStore } from "../../src/store/metadata/metadata-store.ts";
import {
  latest,
  makeDescriptor,
  makeDigest,
  makeManifest,
  makeSave,
  node,
  redis,
} from "../support/stored-content.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { describeUsage } from "./metadata-usage.ts";

/** Every metadata store keeps these promises. `open` may put files below `directory`. */
export function describeMetadataStore(
  name: string,
  open: (directory: string) => Promise<MetadataStore>,
): void {
  async function withStore(act: (store: MetadataStore) => Promise<void>): Promise<void> {
    await using directory = await makeTempDir();
    await using store = await open(directory.path);
    await act(store);
  }

  describe(`tags in ${name}`, () => {
    test("knows no tag that was not saved", () =>
      withStore(async (store) => {
        await store.saveTag(node, latest, makeDigest("a"), 1000);
        expect(await store.findTag(node, parseTag("other"))).toBeUndefined();
        expect(await store.findTag(redis, latest)).toBeUndefined();
      }));

    test("keeps when a tag took its digest, while upstream confirms it", () =>
      withStore(async (store) => {
        const digest = makeDigest("a");
        await store.saveTag(node, latest, digest, 1000);
        expect(await store.findTag(node, latest)).toEqual({
          digest,
          checkedAt: 1000,
          changedAt: 1000,
        });
        await store.saveTag(node, latest, digest, 2000);
        expect(await store.findTag(node, latest)).toEqual({
          digest,
          checkedAt: 2000,
          changedAt: 1000,
        });
      }));

    test("notes when a tag moves to another digest", () =>
      withStore(async (store) => {
        await store.saveTag(node, latest, makeDigest("a"), 1000);
        await store.saveTag(node, latest, makeDigest("b"), 2000);
        const moved = { digest: makeDigest("b"), checkedAt: 2000, changedAt: 2000 };
        expect(await store.findTag(node, latest)).toEqual(moved);
      }));

    test("keeps digests of either algorithm", () =>
      withStore(async (store) => {
        const digest = digestOf(Buffer.from("a"), "sha512");
        await store.saveTag(node, latest, digest, 1000);
        expect((await store.findTag(node, latest))?.digest).toBe(digest);
      }));

    test("deletes a tag of one repository only, and one that is not there without complaint", () =>
      withStore(async (store) => {
        await store.saveTag(node, latest, makeDigest("a"), 1000);
        await store.saveTag(redis, latest, makeDigest("a"), 1000);
        await store.deleteTag(node, latest);
        await store.deleteTag(node, latest);
        expect(await store.findTag(node, latest)).toBeUndefined();
        expect(await store.findTag(redis, latest)).toBeDefined();
      }));

    test("tells tags apart that differ in case", () =>
      withStore(async (store) => {
        await store.saveTag(node, parseTag("v1"), makeDigest("lower"), 1000);
        await store.saveTag(node, parseTag("V1"), makeDigest("upper"), 1000);
        expect((await store.findTag(node, parseTag("v1")))?.digest).toBe(makeDigest("lower"));
      }));

    test("lists tags in byte order, page by page", () =>
      withStore(async (store) => {
        for (const tag of ["b", "_x", "10", "9", "B", "a.1", "a-1"]) {
          await store.saveTag(node, parseTag(tag), makeDigest(tag), 1000);
        }
        await store.saveTag(redis, parseTag("c"), makeDigest("c"), 1000);
        const all = ["10", "9", "B", "_x", "a-1", "a.1", "b"];
        expect(await store.listTags(node, { limit: 100 })).toEqual(all);
        expect(await store.listTags(node, { limit: 3 })).toEqual(["10", "9", "B"]);
        expect(await store.listTags(node, { after: "B", limit: 2 })).toEqual(["_x", "a-1"]);
        expect(await store.listTags(node, { after: "a0", limit: 2 })).toEqual(["b"]);
        expect(await store.listTags(node, { after: "b", limit: 2 })).toEqual([]);
        expect(await store.listTags(node, { limit: 0 })).toEqual([]);
      }));
  });

  describe(`manifests in ${name}`, () => {
    test("gives back a manifest as it was saved, byte for byte", () =>
      withStore(async (store) => {
        const manifest = makeManifest("a", ociIndex);
        await store.saveManifest(makeSave(manifest));
        const { linked, content } = await store.findManifest(node, manifest.digest);
        expect(linked).toBe(true);
        expect(content).toMatchObject({ digest: manifest.digest, mediaType: ociIndex });
        expect(Buffer.from(content?.bytes ?? []).equals(manifest.bytes)).toBe(true);
      }));

    test("keeps a manifest whose digest is a sha512", () =>
      withStore(async (store) => {
        const { bytes, mediaType } = makeManifest("a");
        const manifest = { digest: digestOf(bytes, "sha512"), mediaType, bytes };
        await store.saveManifest(makeSave(manifest));
        expect((await store.findManifest(node, manifest.digest)).content).toBeDefined();
      }));

    test("shares a manifest's bytes between repositories, but not its link", () =>
      withStore(async (store) => {
        const manifest = makeManifest("a");
        await store.saveManifest(makeSave(manifest));
        const before = await store.findManifest(redis, manifest.digest);
        expect(before.linked).toBe(false);
        expect(before.content).toBeDefined();
        await store.link(redis, manifest.digest, 2000);
        expect((await store.findManifest(redis, manifest.digest)).linked).toBe(true);
      }));

    test("knows of a link without the manifest", () =>
      withStore(async (store) => {
        const digest = makeDigest("a");
        await store.link(node, digest, 1000);
        expect(await store.findManifest(node, digest)).toEqual({
          linked: true,
          content: undefined,
        });
        expect(await store.findManifest(redis, digest)).toEqual({
          linked: false,
          content: undefined,
        });
      }));

    test("takes the media type of the last save", () =>
      withStore(async (store) => {
        const manifest = makeManifest("a", ociManifest);
        await store.saveManifest(makeSave(manifest));
        const again = { ...manifest, mediaType: ociIndex };
        await store.saveManifest(makeSave(again, { at: 2000 }));
        const { content } = await store.findManifest(node, manifest.digest);
        expect(content?.mediaType).toBe(ociIndex);
      }));

    test("does not give out bytes that do not have the digest", () =>
      withStore(async (store) => {
        const manifest = { ...makeManifest("a"), bytes: Buffer.from("damaged") };
        await store.saveManifest(makeSave(manifest));
        const damaged = { linked: true, content: undefined };
        expect(await store.findManifest(node, manifest.digest)).toEqual(damaged);
        expect(await store.lastUsedAt(manifest.digest)).toBeUndefined();
      }));

    test("links what a manifest refers to, with the sizes it gives", () =>
      withStore(async (store) => {
        const [config, layer] = [makeDescriptor("config", 12), makeDescriptor("layer", 3456)];
        const manifest = makeManifest("a");
        const references = [config, layer];
        await store.saveManifest(makeSave(manifest, { references }));
        const known = { linked: true, content: undefined };
        expect(await store.findBlob(node, layer.digest)).toEqual(known);
        expect(await store.findManifest(node, config.digest)).toEqual(known);
        expect((await store.findBlob(redis, layer.digest)).linked).toBe(false);
        expect(await store.findDescribedSize(node, config.digest)).toBe(12);
        expect(await store.findDescribedSize(node, layer.digest)).toBe(3456);
        expect(await store.findDescribedSize(redis, layer.digest)).toBeUndefined();
        expect(await store.findDescribedSize(node, manifest.digest)).toBeUndefined();
      }));

    test("keeps a described size when the link is made again without one", () =>
      withStore(async (store) => {
        const layer = makeDescriptor("layer", 3456);
        const save = makeSave(makeManifest("a"), { references: [layer] });
        await store.link(node, layer.digest, 500);
        await store.saveManifest(save);
        await store.link(node, layer.digest, 2000);
        expect(await store.findDescribedSize(node, layer.digest)).toBe(3456);
      }));

    test("takes a manifest that names the same layer twice", () =>
      withStore(async (store) => {
        const layer = makeDescriptor("layer", 32);
        const save = makeSave(makeManifest("a"), { references: [layer, layer] });
        await store.saveManifest(save);
        expect(await store.findDescribedSize(node, layer.digest)).toBe(32);
      }));
  });

  describe(`blobs in ${name}`, () => {
    const digest = makeDigest("blob");

    test("keeps bytes and links apart", () =>
      withStore(async (store) => {
        expect(await store.findBlob(node, digest)).toEqual({ linked: false, content: undefined });
        await store.saveBlob(digest, { size: 7, checkedAt: 1000 }, 1000);
        const content = { size: 7, checkedAt: 1000 };
        expect(await store.findBlob(node, digest)).toEqual({ linked: false, content });
        await store.link(node, digest, 1000);
        expect(await store.findBlob(node, digest)).toEqual({ linked: true, content });
        expect(await store.findBlob(redis, digest)).toEqual({ linked: false, content });
        await store.deleteBlob(digest);
        expect(await store.findBlob(node, digest)).toEqual({ linked: true, content: undefined });
      }));

    test("replaces a record by a later one", () =>
      withStore(async (store) => {
        await store.saveBlob(digest, { size: 7, checkedAt: 1000 }, 1000);
        await store.saveBlob(digest, { size: 8, checkedAt: undefined }, 2000);
        const { content } = await store.findBlob(node, digest);
        expect(content).toEqual({ size: 8, checkedAt: undefined });
      }));

    test("keeps sizes beyond 32 bits", () =>
      withStore(async (store) => {
        const size = 5 * 2 ** 40 + 1;
        await store.saveBlob(digest, { size, checkedAt: undefined }, 1000);
        expect((await store.findBlob(node, digest)).content?.size).toBe(size);
      }));

    test("records a blob found on disk as unchecked, unless it has a record", () =>
      withStore(async (store) => {
        expect(await store.addFoundBlob(digest, 7, 1000)).toBe(true);
        const found = { size: 7, checkedAt: undefined };
        expect((await store.findBlob(node, digest)).content).toEqual(found);
        await store.saveBlob(digest, { size: 7, checkedAt: 2000 }, 2000);
        expect(await store.addFoundBlob(digest, 9, 3000)).toBe(false);
        const saved = { size: 7, checkedAt: 2000 };
        expect((await store.findBlob(node, digest)).content).toEqual(saved);
      }));

    test("knows an empty blob", () =>
      withStore(async (store) => {
        await store.saveBlob(digest, { size: 0, checkedAt: 0 }, 1000);
        expect((await store.findBlob(node, digest)).content).toEqual({ size: 0, checkedAt: 0 });
      }));

    test("deletes a blob that is not there without complaint", () =>
      withStore(async (store) => {
        await store.saveBlob(digest, { size: 7, checkedAt: 1000 }, 1000);
        await store.deleteBlob(makeDigest("other"));
        expect((await store.findBlob(node, digest)).content).toBeDefined();
      }));
  });

  describeUsage(name, open);

  test(`${name} refuses all after it was disposed of, however often`, () =>
    withStore(async (store) => {
      await store[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await expect(store.findTag(node, latest)).rejects.toThrow("closed");
      await expect(store.link(node, makeDigest("a"), 1000)).rejects.toThrow("closed");
    }));
}

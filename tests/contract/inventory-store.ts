import { describe, expect, test } from "@jest/globals";
import { ociIndex } from "../../src/oci/media-type.ts";
import { parseTag } from "../../src/oci/reference.ts";
import { parseRepositoryName, qualifyName } from "../../src/oci/repository-name.ts";
import type { InventoryStore } from "../../src/store/metadata/inventory-store.ts";
import type { MetadataStore } from "../../src/store/metadata/metadata-store.ts";
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
import { describeRemoval } from "./inventory-removal.ts";

type InventoriedStore = MetadataStore & { inventory: InventoryStore };

const stable = parseTag("stable");

function sizeOf(...seeds: string[]): number {
  return seeds.reduce((sum, seed) => sum + makeManifest(seed).bytes.length, 0);
}

/** Every inventory store keeps these promises. `open` may put files below `directory`. */
export function describeInventoryStore(
  name: string,
  open: (directory: string) => Promise<InventoriedStore>,
): void {
  async function withStore(act: (store: InventoriedStore) => Promise<void>): Promise<void> {
    await using directory = await makeTempDir();
    await using store = await open(directory.path);
    await act(store);
  }

  describe(`repositories in ${name}`, () => {
    test("are listed in byte order, page by page", () =>
      withStore(async (store) => {
        const names = ["b/a", "b-a", "b/a-c", "a", "b"].map((each) =>
          qualifyName("quay.io", parseRepositoryName(each)),
        );
        for (const each of names) await store.saveTag(each, latest, makeDigest("a"), 1000);
        await store.link(node, makeDigest("a"), 1000);
        const all = [node, ...names.toSorted()];
        const { inventory } = store;
        expect(await inventory.listRepositories({ limit: 100 })).toEqual(all);
        expect(await inventory.listRepositories({ limit: 2 })).toEqual(all.slice(0, 2));
        const after = all[1];
        expect(await inventory.listRepositories({ after, limit: 2 })).toEqual(all.slice(2, 4));
        expect(await inventory.listRepositories({ after: all.at(-1), limit: 2 })).toEqual([]);
      }));

    test("are left out once nothing of them is known", () =>
      withStore(async (store) => {
        await store.saveTag(node, latest, makeDigest("a"), 1000);
        await store.link(redis, makeDigest("a"), 1000);
        await store.deleteTag(node, latest);
        expect(await store.inventory.listRepositories({ limit: 10 })).toEqual([redis]);
      }));

    test("are summed up over what is here of them, each digest once", () =>
      withStore(async (store) => {
        await saveGraph(store, "a", { blobs: ["base", "a layer", "not here"] });
        await saveGraph(store, "b", { blobs: ["base"], at: 3000 });
        await saveGraph(store, "other", { repository: redis, blobs: ["redis layer"], at: 9000 });
        await saveBlobs(store, ["base", "redis layer"]);
        await saveBlobs(store, ["a layer"], 5000);
        await store.saveTag(node, latest, makeManifest("a").digest, 1000);
        await store.saveTag(node, stable, makeManifest("a").digest, 1000);
        expect(await store.inventory.summarizeRepository(node)).toEqual({
          repository: node,
          tags: 2,
          manifests: 2,
          blobs: 2,
          bytes: sizeOf("a", "b") + 20,
          usedAt: 5000,
        });
      }));

    test("count bytes once of what is here as a manifest and as a blob", () =>
      withStore(async (store) => {
        const { digest, bytes } = makeManifest("a");
        await saveGraph(store, "a");
        await store.saveBlob(digest, { size: bytes.length, checkedAt: 1000 }, 4000);
        const summary = await store.inventory.summarizeRepository(node);
        const expected = { manifests: 1, blobs: 1, bytes: bytes.length, usedAt: 4000 };
        expect(summary).toMatchObject(expected);
      }));

    test("are summed up where they are large", () =>
      withStore(async (store) => {
        const blobs = Array.from({ length: 2500 }, (_, index) => `layer ${index}`);
        await saveGraph(store, "large", { blobs });
        await saveBlobs(store, blobs.slice(0, 2200));
        const summary = await store.inventory.summarizeRepository(node);
        const bytes = sizeOf("large") + 22_000;
        expect(summary).toMatchObject({ manifests: 1, blobs: 2200, bytes });
      }));

    test("are empty where nothing of them is here", () =>
      withStore(async (store) => {
        await store.link(redis, makeDigest("a"), 1000);
        const empty = { tags: 0, manifests: 0, blobs: 0, bytes: 0, usedAt: undefined };
        for (const repository of [node, redis]) {
          const summary = await store.inventory.summarizeRepository(repository);
          expect(summary).toEqual({ repository, ...empty });
        }
      }));
  });

  describe(`tags in ${name}`, () => {
    test("are summed up with all below that is here, each digest once", () =>
      withStore(async (store) => {
        await saveGraph(store, "amd64", { blobs: ["base", "amd64 layer"] });
        await saveGraph(store, "arm64", { blobs: ["base", "arm64 layer"] });
        const index = await saveGraph(store, "index", { manifests: ["amd64", "arm64", "s390x"] });
        await saveGraph(store, "signature", { subject: "index", blobs: ["signature layer"] });
        await saveBlobs(store, ["base", "amd64 layer", "signature layer"]);
        await store.recordUses(new Map([[index, 7000]]));
        await store.saveTag(node, latest, index, 2000);
        await store.saveTag(node, latest, index, 3000);
        expect(await store.inventory.summarizeTags(node, { limit: 10 })).toEqual([
          {
            repository: node,
            tag: latest,
            digest: index,
            checkedAt: 3000,
            changedAt: 2000,
            bytes: sizeOf("index", "amd64", "arm64") + 20,
            usedAt: 7000,
          },
        ]);
      }));

    test("are told without their manifest", () =>
      withStore(async (store) => {
        await store.saveTag(node, latest, makeDigest("gone"), 1000);
        const [summary] = await store.inventory.summarizeTags(node, { limit: 10 });
        expect(summary).toMatchObject({ tag: latest, bytes: 0, usedAt: undefined });
      }));

    test("are listed in byte order, page by page, of one repository", () =>
      withStore(async (store) => {
        const tags = ["b", "_x", "10", "9", "B", "a.1", "a-1"].map((each) => parseTag(each));
        for (const tag of tags) await store.saveTag(node, tag, makeDigest("a"), 1000);
        await store.saveTag(redis, stable, makeDigest("a"), 1000);
        const list = async (page: { after?: typeof latest; limit: number }) => {
          const summaries = await store.inventory.summarizeTags(node, page);
          return summaries.map(({ tag }) => tag);
        };
        expect(await list({ limit: 10 })).toEqual(tags.toSorted());
        expect(await list({ limit: 3 })).toEqual(["10", "9", "B"]);
        expect(await list({ after: parseTag("B"), limit: 2 })).toEqual(["_x", "a-1"]);
        expect(await list({ after: parseTag("b"), limit: 2 })).toEqual([]);
        expect(await store.inventory.countTags()).toBe(8);
      }));

    test("are found by what they point to", () =>
      withStore(async (store) => {
        const digest = makeDigest("a");
        await store.saveTag(redis, latest, digest, 1000);
        await store.saveTag(node, stable, digest, 1000);
        await store.saveTag(node, latest, digest, 1000);
        await store.saveTag(node, parseTag("other"), makeDigest("b"), 1000);
        expect(await store.inventory.listTagsOf(digest)).toEqual([
          { repository: node, tag: latest },
          { repository: node, tag: stable },
          { repository: redis, tag: latest },
        ]);
        expect(await store.inventory.listTagsOf(makeDigest("c"))).toEqual([]);
      }));
  });

  describe(`content in ${name}`, () => {
    test("blobs come in digest order, page by page, with the repositories that may read them", () =>
      withStore(async (store) => {
        const seeds = ["a", "b", "c", "d"];
        await saveBlobs(store, seeds, 2000);
        const digests = seeds.map(makeDigest).toSorted();
        await store.link(redis, makeDigest("a"), 1000);
        await store.link(node, makeDigest("a"), 1000);
        const { inventory } = store;
        const list = async (page: { after?: (typeof digests)[number]; limit: number }) =>
          (await inventory.summarizeBlobs(page)).map(({ digest }) => digest);
        expect(await list({ limit: 10 })).toEqual(digests);
        const [first, second, third] = digests;
        expect(await list({ limit: 2 })).toEqual([first, second]);
        expect(second && (await list({ after: second, limit: 1 }))).toEqual([third]);
        const all = await inventory.summarizeBlobs({ limit: 10 });
        expect(all).toContainEqual({
          digest: makeDigest("a"),
          size: 10,
          checkedAt: 2000,
          createdAt: 2000,
          usedAt: 2000,
          repositories: [node, redis],
        });
      }));

    test("one blob is told as it is in the list, or not at all", () =>
      withStore(async (store) => {
        const digest = makeDigest("a");
        await store.addFoundBlob(digest, 7, 1000);
        await store.recordUses(new Map([[digest, 5000]]));
        const facts = { size: 7, checkedAt: undefined, createdAt: 1000, usedAt: 5000 };
        const expected = { digest, ...facts, repositories: [] };
        expect(await store.inventory.summarizeBlob(digest)).toEqual(expected);
        expect(await store.inventory.summarizeBlobs({ limit: 10 })).toEqual([expected]);
        expect(await store.inventory.summarizeBlob(makeDigest("b"))).toBeUndefined();
      }));

    test("manifests are told with their bytes, whoever may read them", () =>
      withStore(async (store) => {
        const manifest = makeManifest("a", ociIndex);
        await store.saveManifest(makeSave(manifest, { repository: redis, at: 2000 }));
        await store.saveManifest(makeSave(manifest, { repository: node, at: 3000 }));
        const found = await store.inventory.summarizeManifest(manifest.digest);
        const { digest } = manifest;
        const expected = { digest, mediaType: ociIndex, createdAt: 2000, usedAt: 3000 };
        expect(found).toMatchObject(expected);
        expect(Buffer.from(found?.bytes ?? []).equals(manifest.bytes)).toBe(true);
        expect(await store.inventory.listRepositoriesOf(digest)).toEqual([node, redis]);
        expect(await store.inventory.summarizeManifest(makeDigest("b"))).toBeUndefined();
        expect(await store.inventory.listRepositoriesOf(makeDigest("b"))).toEqual([]);
      }));

    test("referrers are found by their subject, in digest order", () =>
      withStore(async (store) => {
        const subject = await saveGraph(store, "subject");
        const referrers = [
          await saveGraph(store, "signature", { subject: "subject" }),
          await saveGraph(store, "sbom", { subject: "subject", repository: redis }),
        ];
        await saveGraph(store, "other", { subject: "sbom" });
        expect(await store.inventory.listReferrers(subject)).toEqual(referrers.toSorted());
        expect(await store.inventory.listReferrers(makeDigest("none"))).toEqual([]);
      }));

    test("manifests are counted with their bytes", () =>
      withStore(async (store) => {
        expect(await store.inventory.countManifests()).toEqual({ count: 0, bytes: 0 });
        const seeds = Array.from({ length: 1200 }, (_, index) => `manifest ${index}`);
        for (const seed of seeds) await saveGraph(store, seed);
        await saveGraph(store, "manifest 0", { repository: redis });
        const expected = { count: 1200, bytes: sizeOf(...seeds) };
        expect(await store.inventory.countManifests()).toEqual(expected);
      }));
  });

  describeRemoval(name, open);
}

import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { parseTag } from "../../src/oci/reference.ts";
import { parseRepositoryName, qualifyName } from "../../src/oci/repository-name.ts";
import type { InventoryStore } from "../../src/store/metadata/inventory-store.ts";
import type { MetadataStore } from "../../src/store/metadata/metadata-store.ts";
import { RemovalModel, type Graph } from "../support/removal-model.ts";
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

type InventoriedStore = MetadataStore & { inventory: InventoryStore };

const stable = parseTag("stable");

/** Which of the manifests and blobs of those seeds are here. */
async function listHere(store: InventoriedStore, seeds: string[]): Promise<string[]> {
  const here: string[] = [];
  for (const seed of seeds) {
    const manifest = await store.inventory.summarizeManifest(makeManifest(seed).digest);
    const blob = await store.inventory.summarizeBlob(makeDigest(seed));
    if (manifest ?? blob) here.push(seed);
  }
  return here;
}

/** Part of the suite of every inventory store. */
export function describeRemoval(
  name: string,
  open: (directory: string) => Promise<InventoriedStore>,
): void {
  async function withStore(act: (store: InventoriedStore) => Promise<void>): Promise<void> {
    await using directory = await makeTempDir();
    await using store = await open(directory.path);
    await act(store);
  }

  describe(`removal of a tag from ${name}`, () => {
    test("takes the whole image, its referrers, and what the repository may read of it", () =>
      withStore(async (store) => {
        await saveGraph(store, "amd64", { blobs: ["layer"] });
        const index = await saveGraph(store, "index", { manifests: ["amd64", "arm64"] });
        await saveGraph(store, "signature", { subject: "index", blobs: ["signed"] });
        await saveGraph(store, "countersignature", { subject: "signature" });
        await saveBlobs(store, ["layer", "signed"]);
        await store.saveTag(node, latest, index, 1000);
        const removal = await store.inventory.removeTag(node, latest);
        expect(removal?.tags).toEqual([latest]);
        const seeds = ["amd64", "index", "signature", "countersignature"];
        expect(removal?.manifests.toSorted()).toEqual(
          seeds.map((seed) => makeManifest(seed).digest).toSorted(),
        );
        expect(new Set(removal?.blobs)).toEqual(
          new Set(["layer", "signed"].map((seed) => ({ digest: makeDigest(seed), size: 10 }))),
        );
        expect(await listHere(store, [...seeds, "layer", "signed"])).toEqual([]);
        expect(await store.inventory.listRepositories({ limit: 10 })).toEqual([]);
      }));

    test("is undefined where there is none", () =>
      withStore(async (store) => {
        await store.saveTag(redis, latest, makeDigest("a"), 1000);
        await store.saveTag(node, stable, makeDigest("a"), 1000);
        expect(await store.inventory.removeTag(node, latest)).toBeUndefined();
        const unknown = qualifyName("docker.io", parseRepositoryName("library/unknown"));
        expect(await store.inventory.removeTag(unknown, latest)).toBeUndefined();
        expect(await store.inventory.countTags()).toBe(2);
      }));

    test("takes the tag alone where its manifest is not here", () =>
      withStore(async (store) => {
        await store.saveTag(node, latest, makeDigest("a"), 1000);
        const nothingElse = { tags: [latest], manifests: [], blobs: [] };
        expect(await store.inventory.removeTag(node, latest)).toEqual(nothingElse);
        expect(await store.findTag(node, latest)).toBeUndefined();
      }));

    test("leaves what another tag leads to", () =>
      withStore(async (store) => {
        await saveGraph(store, "shared", { blobs: ["base"] });
        const gone = await saveGraph(store, "index 1", { manifests: ["shared"] });
        const kept = await saveGraph(store, "index 2", { manifests: ["shared"] });
        await saveBlobs(store, ["base"]);
        await store.saveTag(node, latest, gone, 1000);
        await store.saveTag(node, stable, kept, 1000);
        const removal = await store.inventory.removeTag(node, latest);
        expect(removal).toEqual({ tags: [latest], manifests: [gone], blobs: [] });
        const base = await store.findBlob(node, makeDigest("base"));
        expect(base).toMatchObject({ linked: true, content: { size: 10 } });
      }));

    test("leaves what another repository may read, and takes it from this one", () =>
      withStore(async (store) => {
        const digest = await saveGraph(store, "image", { blobs: ["layer"] });
        await saveGraph(store, "image", { repository: redis, blobs: ["layer"] });
        await saveBlobs(store, ["layer"]);
        await store.saveTag(node, latest, digest, 1000);
        const removal = await store.inventory.removeTag(node, latest);
        expect(removal).toEqual({ tags: [latest], manifests: [], blobs: [] });
        expect((await store.findManifest(node, digest)).linked).toBe(false);
        expect((await store.findBlob(node, makeDigest("layer"))).linked).toBe(false);
        expect(await store.findManifest(redis, digest)).toMatchObject({
          linked: true,
          content: { digest },
        });
        expect(await store.findBlob(redis, makeDigest("layer"))).toMatchObject({
          linked: true,
          content: { size: 10 },
        });
      }));

    test("leaves a referrer whose subject is here, and one that has a tag", () =>
      withStore(async (store) => {
        const subject = await saveGraph(store, "subject");
        const signature = await saveGraph(store, "signature", { subject: "subject" });
        const sbom = await saveGraph(store, "sbom", { subject: "subject" });
        await store.saveTag(node, latest, signature, 1000);
        await store.saveTag(node, stable, sbom, 1000);
        const nothingElse = { tags: [latest], manifests: [], blobs: [] };
        expect(await store.inventory.removeTag(node, latest)).toEqual(nothingElse);
        await store.saveTag(node, latest, subject, 1000);
        const removal = await store.inventory.removeTag(node, latest);
        expect(removal?.manifests.toSorted()).toEqual([subject, signature].toSorted());
        expect(await listHere(store, ["subject", "signature", "sbom"])).toEqual(["sbom"]);
      }));

    test("does not touch blobs that no manifest ever referred to", () =>
      withStore(async (store) => {
        await store.saveTag(node, latest, await saveGraph(store, "image"), 1000);
        await saveBlobs(store, ["stray"]);
        await store.link(node, makeDigest("stray"), 1000);
        await store.inventory.removeTag(node, latest);
        const stray = await store.findBlob(node, makeDigest("stray"));
        expect(stray).toMatchObject({ linked: true, content: { size: 10 } });
      }));
  });

  describe(`removal of a manifest from ${name}`, () => {
    test("takes it from below an index, with its tags and what hangs on it", () =>
      withStore(async (store) => {
        const image = await saveGraph(store, "image", { blobs: ["layer", "base"] });
        await saveGraph(store, "other", { blobs: ["base"] });
        const index = await saveGraph(store, "index", { manifests: ["image", "other"] });
        await saveBlobs(store, ["layer", "base"]);
        await store.saveTag(node, stable, image, 1000);
        await store.saveTag(node, latest, image, 1000);
        await store.saveTag(node, parseTag("24"), index, 1000);
        expect(await store.inventory.removeManifest(node, image)).toEqual({
          tags: [latest, stable],
          manifests: [image],
          blobs: [{ digest: makeDigest("layer"), size: 10 }],
        });
        const gone = { linked: false, content: undefined };
        expect(await store.findManifest(node, image)).toEqual(gone);
        expect(await store.findBlob(node, makeDigest("layer"))).toEqual(gone);
        const seeds = ["index", "other", "base"];
        expect(await listHere(store, seeds)).toEqual(seeds);
      }));

    test("leaves it to the other repositories that have it", () =>
      withStore(async (store) => {
        const digest = await saveGraph(store, "image", { blobs: ["layer"] });
        await saveGraph(store, "image", { repository: redis, blobs: ["layer"] });
        await store.saveTag(node, latest, digest, 1000);
        await store.saveTag(redis, latest, digest, 1000);
        const removal = await store.inventory.removeManifest(node, digest);
        expect(removal).toEqual({ tags: [latest], manifests: [], blobs: [] });
        expect((await store.findManifest(node, digest)).linked).toBe(false);
        expect(await store.findManifest(redis, digest)).toMatchObject({ linked: true });
        expect(await store.findTag(redis, latest)).toBeDefined();
      }));

    test("is undefined where the repository has none of it here", () =>
      withStore(async (store) => {
        const digest = await saveGraph(store, "image");
        await store.link(node, makeDigest("not here"), 1000);
        const { inventory } = store;
        expect(await inventory.removeManifest(redis, digest)).toBeUndefined();
        expect(await inventory.removeManifest(node, makeDigest("not here"))).toBeUndefined();
        expect(await inventory.removeManifest(node, makeDigest("unknown"))).toBeUndefined();
        expect(await listHere(store, ["image"])).toEqual(["image"]);
      }));
  });
}

/** The same against a model, for a store that opens quickly: it is opened for each of many graphs. */
export function describeRemovalByModel(name: string, open: () => Promise<InventoriedStore>): void {
  describe(`removals from ${name}`, () => {
    test("take what a simple model takes, of any content, one after the other", async () => {
      await fc.assert(
        fc.asyncProperty(graphs, removals, async (graph, steps) => {
          await using store = await open();
          const model = await RemovalModel.fill(store, graph);
          expect(await model.read(store)).toEqual(model.facts());
          for (const { isTag, repository, tag, manifest } of steps) {
            const digest = model.digestOf(manifest);
            const found = isTag
              ? await store.inventory.removeTag(repository, tag)
              : await store.inventory.removeManifest(repository, digest);
            const expected = isTag
              ? model.removeTag(repository, tag)
              : model.removeManifest(repository, digest);
            expect(sorted(found)).toEqual(sorted(expected));
            expect(await model.read(store)).toEqual(model.facts());
          }
        }),
        { numRuns: 200 },
      );
    }, 60_000);
  });
}

function sorted(removal: Awaited<ReturnType<InventoryStore["removeTag"]>>) {
  return (
    removal && {
      tags: removal.tags.toSorted(),
      manifests: removal.manifests.toSorted(),
      blobs: removal.blobs.map(({ digest }) => digest).toSorted(),
    }
  );
}

const manifestCount = 6;
const blobCount = 4;

const repositories = fc.constantFrom(node, redis);
const tags = fc.constantFrom(latest, stable);
const positions = fc.nat(manifestCount - 1);

/** What a manifest refers to comes before it, as digests demand. */
const graphs: fc.Arbitrary<Graph> = fc.record({
  manifests: fc.array(
    fc.record({
      savedIn: fc.subarray([node, redis]),
      manifests: fc.uniqueArray(positions, { maxLength: 2 }),
      blobs: fc.uniqueArray(fc.nat(blobCount - 1), { maxLength: 2 }),
      subject: fc.option(positions, { nil: undefined }),
    }),
    { minLength: manifestCount, maxLength: manifestCount },
  ),
  blobs: fc.uniqueArray(fc.nat(blobCount)),
  linkedBlobs: fc.array(fc.record({ repository: repositories, blob: fc.nat(blobCount) }), {
    maxLength: 2,
  }),
  tags: fc.array(fc.record({ repository: repositories, tag: tags, manifest: positions })),
});

const removals = fc.array(
  fc.record({ isTag: fc.boolean(), repository: repositories, tag: tags, manifest: positions }),
  { minLength: 1, maxLength: 6 },
);

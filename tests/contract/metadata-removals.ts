import { describe, expect, test } from "@jest/globals";
import type { InventoryStore } from "../../src/store/metadata/inventory-store.ts";
import type { MetadataStore } from "../../src/store/metadata/metadata-store.ts";
import type { PinStore } from "../../src/store/metadata/pin-store.ts";
import type { UpkeepStore } from "../../src/store/metadata/upkeep-store.ts";
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

type WholeStore = MetadataStore & {
  upkeep: UpkeepStore;
  inventory: InventoryStore;
  pins: PinStore;
};

const index = makeManifest("index").digest;
const layer = makeDigest("layer");
const late = { usedAt: 9000 };

const removing: Record<string, (store: WholeStore) => Promise<unknown>> = {
  "a tag is deleted": (store) => store.deleteTag(node, latest),
  "manifests are evicted": (store) => store.upkeep.removeManifests([{ digest: index, ...late }]),
  "a tag is removed by name": (store) => store.inventory.removeTag(node, latest),
  "a manifest is removed by name": (store) => store.inventory.removeManifest(node, index),
};

const harmless: Record<string, (store: WholeStore) => Promise<unknown>> = {
  "what is there is found": async (store) => {
    await store.findTag(node, latest);
    await store.findManifest(node, index);
    await store.findBlob(node, layer);
  },
  "more is saved": async (store) => {
    await store.saveTag(node, latest, makeDigest("other"), 2000);
    await store.saveManifest(makeSave(makeManifest("index"), { at: 2000 }));
    await store.link(redis, index, 2000);
    await store.recordUses(new Map([[index, 2000]]));
  },
  "only blobs go": async (store) => {
    await store.upkeep.removeBlobs([{ digest: layer, ...late }]);
    await store.saveBlob(layer, { size: 10, checkedAt: undefined }, 2000);
    await store.deleteBlob(layer);
    await store.upkeep.clearCheck(layer);
  },
  "there was nothing to remove": async (store) => {
    await store.deleteTag(redis, latest);
    await store.upkeep.removeManifests([{ digest: index, usedAt: 1 }]);
    await store.inventory.removeTag(redis, latest);
    await store.inventory.removeManifest(redis, index);
  },
};

/** Part of the suite of every metadata store: what others may remember, and for how long. */
export function describeRemovals(
  name: string,
  open: (directory: string) => Promise<WholeStore>,
): void {
  async function removalsDuring(act: (store: WholeStore) => Promise<unknown>): Promise<number> {
    await using directory = await makeTempDir();
    await using store = await open(directory.path);
    await saveGraph(store, "index", { blobs: ["layer"] });
    await saveBlobs(store, ["layer"]);
    await store.saveTag(node, latest, index, 1000);
    const before = store.removals;
    await act(store);
    return store.removals - before;
  }

  describe(`the number of removals of ${name}`, () => {
    test.each(Object.keys(removing))("grows when %s", async (step) => {
      const act = removing[step] ?? (() => Promise.reject(new Error(step)));
      expect(await removalsDuring(act)).toBeGreaterThan(0);
    });

    test.each(Object.keys(harmless))("stays as it is when %s", async (step) => {
      const act = harmless[step] ?? (() => Promise.reject(new Error(step)));
      expect(await removalsDuring(act)).toBe(0);
    });
  });
}

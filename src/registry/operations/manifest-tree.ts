import { setImmediate as afterOtherWork } from "node:timers/promises";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { RegistryError } from "../../oci/errors.ts";
import { formatPlatform, type Platform } from "../../oci/platform.ts";
import type { BlobStore } from "../../store/blob/blob-store.ts";
import type { InventoryStore } from "../../store/metadata/inventory-store.ts";
import { readReferences } from "./manifest-references.ts";
import type { BlobNode, ManifestNode } from "./operations.ts";

export interface TreeStores {
  inventory: Pick<InventoryStore, "summarizeManifest" | "summarizeBlob" | "listReferrers">;
  blobs: Pick<BlobStore, "stat">;
}

/** More than any index has; a hostile one could have millions. */
const maxNodes = 20_000;

/**
 * A manifest with all that it refers to and that is about it, as far as it is here. Throws
 * RegistryError where that is too much to be shown.
 */
export class ManifestTree {
  readonly #stores: TreeStores;
  readonly #signal: AbortSignal;
  /** On the way down to where it is now: an index may be about one of its own children. */
  readonly #path: Digest[] = [];
  #nodes = 0;

  constructor(stores: TreeStores, signal: AbortSignal) {
    this.#stores = stores;
    this.#signal = signal;
  }

  async read(digest: Digest, platform?: Platform): Promise<ManifestNode> {
    await this.#step();
    const { inventory } = this.#stores;
    const named = { digest, ...(platform && { platform: formatPlatform(platform) }) };
    const found = await inventory.summarizeManifest(digest);
    const nothingBelow = { blobs: [], manifests: [], referrers: [] };
    if (!found) {
      return { ...named, mediaType: "", size: undefined, present: false, ...nothingBelow };
    }
    const { mediaType, createdAt, usedAt } = found;
    const size = found.bytes.length;
    const node = { ...named, mediaType, size, present: true, createdAt, usedAt, ...nothingBelow };
    if (this.#path.includes(digest)) return node;
    this.#path.push(digest);
    const { blobs, manifests } = readReferences(found);
    const below = {
      blobs: await mapInOrder(blobs, (blob) => this.#readBlob(blob)),
      manifests: await mapInOrder(manifests, (child) => this.#readChild(child)),
      referrers: await mapInOrder(await inventory.listReferrers(digest), (each) => this.read(each)),
    };
    this.#path.pop();
    return { ...node, ...below };
  }

  /** An absent child is known by its descriptor only. */
  async #readChild({ digest, mediaType, platform }: Descriptor): Promise<ManifestNode> {
    const node = await this.read(digest, platform);
    return node.present ? node : { ...node, mediaType };
  }

  /** Present is what the next request would find: with a record, and whole by the size of its file. */
  async #readBlob({ digest, mediaType, size }: Descriptor): Promise<BlobNode> {
    await this.#step();
    const record = await this.#stores.inventory.summarizeBlob(digest);
    const file = record && (await this.#stores.blobs.stat(digest));
    const present = record !== undefined && file?.size === record.size;
    return { digest, mediaType, size, present, ...(present && { usedAt: record.usedAt }) };
  }

  async #step(): Promise<void> {
    this.#signal.throwIfAborted();
    this.#nodes += 1;
    if (this.#nodes > maxNodes) {
      const message = `it refers to more than ${maxNodes} manifests and blobs, which is too much to show`;
      throw new RegistryError("UNSUPPORTED", message);
    }
    await afterOtherWork();
  }
}

async function mapInOrder<From, To>(
  list: readonly From[],
  map: (from: From) => Promise<To>,
): Promise<To[]> {
  const mapped: To[] = [];
  for (const each of list) mapped.push(await map(each));
  return mapped;
}

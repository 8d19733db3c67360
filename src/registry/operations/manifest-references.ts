import { setImmediate as afterOtherWork } from "node:timers/promises";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { RegistryError } from "../../oci/errors.ts";
import { parseManifest, type Manifest } from "../../oci/manifest.ts";
import type { InventoryStore } from "../../store/metadata/inventory-store.ts";

/** What a manifest that is here refers to; nothing where it cannot be understood any more. */
export function readReferences({ bytes, mediaType }: Manifest): {
  blobs: Descriptor[];
  manifests: Descriptor[];
} {
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    if (error instanceof RegistryError) return { blobs: [], manifests: [] };
    throw error;
  }
}

/** The digests of it and of all below it, here or not: children, referrers, blobs. */
export async function listBelow(
  inventory: Pick<InventoryStore, "summarizeManifest" | "listReferrers">,
  digest: Digest,
): Promise<Set<Digest>> {
  const found = new Set([digest]);
  // A set hands out what is added while it is walked.
  for (const each of found) {
    await afterOtherWork();
    const manifest = await inventory.summarizeManifest(each);
    if (!manifest) continue;
    const { blobs, manifests } = readReferences(manifest);
    for (const reference of [...blobs, ...manifests]) found.add(reference.digest);
    for (const referrer of await inventory.listReferrers(each)) found.add(referrer);
  }
  return found;
}

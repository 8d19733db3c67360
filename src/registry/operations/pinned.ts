import type { Digest } from "../../oci/digest.ts";
import { formatPullName } from "../../oci/pull-name.ts";
import type { PinRecord } from "../../store/metadata/pin-store.ts";
import type { InventoryStore } from "../../store/metadata/inventory-store.ts";
import type { MetadataStore } from "../../store/metadata/metadata-store.ts";
import type { ReachingName } from "../../store/metadata/upkeep-store.ts";
import type { RuleBook } from "../rule-book.ts";
import type { PinEntry } from "./operations.ts";

interface Stores {
  metadata: Pick<MetadataStore, "findTag">;
  inventory: Pick<InventoryStore, "summarizeManifest" | "summarizeBlob">;
}

/** The rules that pin any of the names: `mirror.config.yaml:12 (docker.io/library/*)`. */
export function listPinningRules(
  names: readonly ReachingName[],
  rules: Pick<RuleBook, "explain">,
): string[] {
  const explained = names.flatMap(({ repository, tag }) => rules.explain(repository, tag));
  const places = explained.flatMap(({ key, value, source }) =>
    key === "pin" && value === true && source !== "default"
      ? [`${source.place} (${source.pattern})`]
      : [],
  );
  return [...new Set(places)];
}

export async function describePin(pin: PinRecord, stores: Stores): Promise<PinEntry> {
  const { repository, reference, createdAt, until, note } = pin;
  return {
    name: formatPullName(repository, reference),
    createdAt,
    ...(until !== undefined && { until }),
    ...(note !== undefined && { note }),
    present: await isPresent(pin, stores),
  };
}

async function isPresent({ repository, reference }: PinRecord, stores: Stores): Promise<boolean> {
  const digest: Digest | undefined =
    reference.kind === "digest"
      ? reference.digest
      : (await stores.metadata.findTag(repository, reference.tag))?.digest;
  if (digest === undefined) return false;
  if (await stores.inventory.summarizeManifest(digest)) return true;
  return (await stores.inventory.summarizeBlob(digest)) !== undefined;
}

import type { Leftover } from "../../store/blob/blob-store.ts";
import type { StoredContent } from "../../store/metadata/upkeep-store.ts";
import type { EvictionEntry } from "../operations/operations.ts";
import type { Remover } from "./remover.ts";
import { describeName, type Verdict } from "./retention.ts";

/** What a pass took away. */
export interface ClearingCounts {
  blobs: number;
  manifests: number;
  leftovers: number;
  /** Of blobs and leftovers. */
  bytes: number;
  /** Of blobs that were passed over because they are pinned. */
  pinnedBytes: number;
}

export interface Decision {
  content: StoredContent;
  goes: boolean;
  reason: string;
  /** undefined: nobody needed to know. */
  verdict: Verdict | undefined;
}

interface ClearingOptions {
  remover: Remover;
  /** Hears in order of what goes, and of what is passed over. */
  onEntry: ((entry: EvictionEntry) => void) | undefined;
}

const maxNames = 3;

/** Carries out what one pass decides, and keeps count. */
export class Clearing {
  readonly counts: ClearingCounts = {
    blobs: 0,
    manifests: 0,
    leftovers: 0,
    bytes: 0,
    pinnedBytes: 0,
  };
  readonly remover: Remover;
  readonly #onEntry: ClearingOptions["onEntry"];

  constructor({ remover, onEntry }: ClearingOptions) {
    this.remover = remover;
    this.#onEntry = onEntry;
  }

  /** Somebody wants to know reasons and names. */
  get isWatched(): boolean {
    return this.#onEntry !== undefined;
  }

  /** All of one kind. Throws MetadataError, StorageError. */
  async apply(kind: StoredContent["kind"], decisions: readonly Decision[]): Promise<void> {
    const going = decisions.filter(({ goes }) => goes).map(({ content }) => content);
    const gone = new Set(await this.#remove(kind, going));
    for (const decision of decisions) this.#tell(decision, gone.has(decision.content));
    const bytes = [...gone].reduce((total, { size }) => total + size, 0);
    if (kind === "manifest") this.counts.manifests += gone.size;
    else {
      this.counts.blobs += gone.size;
      this.counts.bytes += bytes;
      this.counts.pinnedBytes += sumPinned(decisions);
    }
  }

  async removeLeftover(leftover: Leftover, reason: string): Promise<void> {
    if (!(await this.remover.removeLeftover(leftover))) return;
    const { kind, digest, bytes, changedAt } = leftover;
    this.counts.leftovers += 1;
    this.counts.bytes += bytes;
    const shown = { kind, digest, size: bytes, usedAt: changedAt };
    this.#onEntry?.({ ...shown, fate: "goes", reason, names: [] });
  }

  async #remove(
    kind: StoredContent["kind"],
    contents: readonly StoredContent[],
  ): Promise<StoredContent[]> {
    if (contents.length === 0) return [];
    return kind === "blob"
      ? this.remover.removeBlobs(contents)
      : this.remover.removeManifests(contents);
  }

  #tell({ content, goes, reason, verdict }: Decision, isGone: boolean): void {
    const { kind, digest, size, usedAt } = content;
    const names = (verdict?.standing.names ?? []).slice(0, maxNames).map(describeName);
    this.#onEntry?.({
      kind,
      digest,
      size,
      usedAt,
      names,
      fate: isGone ? "goes" : "stays",
      reason: goes && !isGone ? "in use now" : reason,
    });
  }
}

function sumPinned(decisions: readonly Decision[]): number {
  return decisions
    .filter(({ verdict }) => verdict?.isPinned)
    .reduce((total, { content }) => total + content.size, 0);
}

import type { Reference } from "../../oci/reference.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";

/** Content that neither eviction nor age may take, by the name it was pinned by. */
export interface PinRecord {
  repository: QualifiedName;
  /** A tag covers what it points to now, however often it moves. */
  reference: Reference;
  /** Milliseconds since 1970, as all times here. */
  createdAt: number;
  /** Not in force from then on; undefined: until it is removed. */
  until: number | undefined;
  note: string | undefined;
}

/**
 * Pins outlive what they cover: content that is damaged, removed or not here yet is covered once
 * it is here. Errors come as MetadataError. Implementations run `tests/contract/pin-store.ts`.
 */
export interface PinStore {
  /** Replaces one of the same name. */
  savePin(pin: PinRecord): Promise<void>;
  /** false: there was none of that name. */
  deletePin(pin: Pick<PinRecord, "repository" | "reference">): Promise<boolean>;
  /** By name, those that have run out included. */
  listPins(): Promise<PinRecord[]>;
  /** Removes those that had run out by then; says how many. */
  deletePinsUntil(at: number): Promise<number>;
}

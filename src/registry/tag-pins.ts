import type { Clock } from "../clock.ts";
import type { Tag } from "../oci/reference.ts";
import { findTagSubject } from "../oci/referrers-tag.ts";
import type { QualifiedName } from "../oci/repository-name.ts";
import { MetadataError } from "../store/metadata/metadata-error.ts";
import type { PinStore } from "../store/metadata/pin-store.ts";
import type { UpkeepStore } from "../store/metadata/upkeep-store.ts";
import { isInForce } from "./pinning.ts";

/**
 * Whether somebody pinned the tag by command, or what it says to be about; no where that cannot be
 * found out.
 */
export type IsTagPinned = (repository: QualifiedName, tag: Tag) => Promise<boolean>;

interface TagPinsOptions {
  pins: Pick<PinStore, "listPins">;
  upkeep: Pick<UpkeepStore, "findStandings">;
  clock: Clock;
}

/** Goes through all pins: for what seldom happens. */
export function createTagPins(options: TagPinsOptions): IsTagPinned {
  return async (repository, tag) => {
    try {
      return (
        (await isPinnedItself(repository, tag, options)) ||
        (await isSubjectPinned(repository, tag, options))
      );
    } catch (error) {
      if (error instanceof MetadataError) return false;
      throw error;
    }
  };
}

async function isPinnedItself(
  repository: QualifiedName,
  tag: Tag,
  { pins, clock }: TagPinsOptions,
): Promise<boolean> {
  const now = clock.now();
  return (await pins.listPins()).some(
    (pin) =>
      pin.repository === repository &&
      pin.reference.kind === "tag" &&
      pin.reference.tag === tag &&
      isInForce(pin, now),
  );
}

/** Signatures go by such tags at cosign. */
async function isSubjectPinned(
  repository: QualifiedName,
  tag: Tag,
  { upkeep, clock }: TagPinsOptions,
): Promise<boolean> {
  const subject = findTagSubject(tag);
  if (subject === undefined) return false;
  const [standing] = await upkeep.findStandings([subject], clock.now());
  return standing?.pins.some((pin) => pin.repository === repository) ?? false;
}

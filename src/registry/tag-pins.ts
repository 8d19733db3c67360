import type { Clock } from "../clock.ts";
import type { Tag } from "../oci/reference.ts";
import type { QualifiedName } from "../oci/repository-name.ts";
import { MetadataError } from "../store/metadata/metadata-error.ts";
import type { PinStore } from "../store/metadata/pin-store.ts";
import { isInForce } from "./pinning.ts";

/** Whether somebody pinned the tag by command; no where that cannot be found out. */
export type IsTagPinned = (repository: QualifiedName, tag: Tag) => Promise<boolean>;

/** Goes through all pins: for what seldom happens. */
export function createTagPins({
  pins,
  clock,
}: {
  pins: Pick<PinStore, "listPins">;
  clock: Clock;
}): IsTagPinned {
  return async (repository, tag) => {
    try {
      const now = clock.now();
      return (await pins.listPins()).some(
        (pin) =>
          pin.repository === repository &&
          pin.reference.kind === "tag" &&
          pin.reference.tag === tag &&
          isInForce(pin, now),
      );
    } catch (error) {
      if (error instanceof MetadataError) return false;
      throw error;
    }
  };
}

import type { Clock } from "../../clock.ts";
import { asDigest } from "../../oci/digest.ts";
import { RegistryError } from "../../oci/errors.ts";
import { parsePullName, type PullName } from "../../oci/pull-name.ts";
import type { InventoryStore } from "../../store/metadata/inventory-store.ts";
import type { MetadataStore } from "../../store/metadata/metadata-store.ts";
import type { PinRecord, PinStore } from "../../store/metadata/pin-store.ts";
import { isInForce } from "../pinning.ts";
import type { OperationArgs, Operations, PinEntry } from "./operations.ts";
import { describePin } from "./pinned.ts";

export interface PinsOptions {
  pins: PinStore;
  metadata: Pick<MetadataStore, "findTag">;
  inventory: Pick<InventoryStore, "summarizeManifest" | "summarizeBlob">;
  clock: Clock;
  /** Other content is covered from now on. */
  onPinsChanged: () => void;
}

const maxNoteLength = 1000;

/** Pins come back only while they are in force. */
export function createPins(options: PinsOptions): Pick<Operations, "pin" | "unpin" | "listPins"> {
  return {
    pin: (args) => pin(args, options),
    unpin: async ({ name }) => {
      const removed = await options.pins.deletePin(parsePinnedName(name));
      if (removed) options.onPinsChanged();
      return { removed };
    },
    listPins: async () => {
      const now = options.clock.now();
      const pins = (await options.pins.listPins()).filter((each) => isInForce(each, now));
      const entries: PinEntry[] = [];
      for (const each of pins) entries.push(await describePin(each, options));
      return entries;
    },
  };
}

async function pin(
  { name, until, note }: OperationArgs<"pin">,
  options: PinsOptions,
): Promise<PinEntry> {
  const { repository, reference } = parsePinnedName(name);
  const createdAt = options.clock.now();
  if (until !== undefined && !(until > createdAt)) {
    throw new RegistryError("UNSUPPORTED", "a pin must end in the future, or never");
  }
  if (note !== undefined && note.length > maxNoteLength) {
    throw new RegistryError("UNSUPPORTED", `a note has up to ${maxNoteLength} characters`);
  }
  const record: PinRecord = { repository, reference, createdAt, until, note };
  await options.pins.savePin(record);
  // Here, as nobody misses them and new ones are what makes them pile up.
  await options.pins.deletePinsUntil(createdAt);
  options.onPinsChanged();
  return describePin(record, options);
}

function parsePinnedName(name: string): PullName {
  if (asDigest(name) === undefined) return parsePullName(name);
  const message = `pins go by name; write the repository, too: NAME@${name}`;
  throw new RegistryError("NAME_INVALID", message);
}

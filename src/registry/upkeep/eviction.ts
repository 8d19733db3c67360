import type { Logger } from "pino";
import type { Clock } from "../../clock.ts";
import type { Digest } from "../../oci/digest.ts";
import type { BlobStore } from "../../store/blob/blob-store.ts";
import type { MetadataStore } from "../../store/metadata/metadata-store.ts";
import type { PinStore } from "../../store/metadata/pin-store.ts";
import type { UpkeepStore } from "../../store/metadata/upkeep-store.ts";
import type { Departures } from "../departures.ts";
import { createEvict } from "../operations/evict.ts";
import type { Operations } from "../operations/operations.ts";
import type { RuleBook } from "../rule-book.ts";
import type { Usage } from "../usage.ts";
import { AgePass } from "./age-pass.ts";
import { Evictor } from "./evictor.ts";
import { Retention } from "./retention.ts";
import { Room } from "./room.ts";
import { SpacePass } from "./space-pass.ts";
import { SpaceTally } from "./space-tally.ts";
import type { StorageLimits } from "./storage-limits.ts";
import { StorageRemover } from "./storage-remover.ts";

interface EvictionOptions {
  blobs: BlobStore;
  /** Those that say when they fail: what is not known must not look like what is not there. */
  upkeep: UpkeepStore;
  pins: PinStore;
  metadata: MetadataStore;
  usage: Usage;
  /** The same that downloads and all others go by. */
  departures: Departures;
  rules: RuleBook;
  limits: StorageLimits;
  clock: Clock;
  log: Logger;
}

/** Everything about space and age, for those that it works with. */
export interface Eviction {
  /** Does nothing in the background before it is started; to be disposed of after the downloads. */
  evictor: Evictor;
  /** For the downloads. */
  room: Room;
  /** For those who count. */
  tally: SpaceTally;
  evict: Operations["evict"];
  /** Of blobs whose rows were removed. Throws StorageError. */
  deleteForgotten: (digests: readonly Digest[]) => Promise<void>;
}

export function createEviction(options: EvictionOptions): Eviction {
  const { limits } = options;
  const tally = new SpaceTally(options);
  const remover = new StorageRemover({ ...options, tally });
  const retention = new Retention({ ...options, maxAgeMs: limits.maxAgeMs });
  const spacePass = new SpacePass({ ...options, tally, retention });
  const agePass = new AgePass({ ...options, tally, retention });
  const shared = { ...options, tally, remover };
  const evictor = new Evictor({ ...shared, spacePass, agePass });
  return {
    evictor,
    room: new Room({ ...shared, evictor }),
    tally,
    evict: createEvict({ ...shared, spacePass, agePass }),
    deleteForgotten: (digests) => remover.deleteForgotten(digests),
  };
}

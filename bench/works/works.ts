import { cold, coldCrowd } from "./cold.ts";
import { eviction } from "./eviction.ts";
import { firstByte } from "./first-byte.ts";
import { fleet } from "./fleet.ts";
import { manifestByDigest, manifestByTag } from "./manifests.ts";
import { memory } from "./memory.ts";
import { slowLink } from "./slow-link.ts";
import { soak } from "./soak.ts";
import { start } from "./start.ts";
import { warm } from "./warm.ts";
import { waysOut } from "./ways-out.ts";
import type { Work } from "./work.ts";

/** In their order: memory looks back at those before it. */
export const works: readonly Work[] = [
  manifestByDigest,
  manifestByTag,
  warm,
  cold,
  coldCrowd,
  firstByte,
  memory,
  slowLink,
  fleet,
  start,
  eviction,
  waysOut,
  soak,
];

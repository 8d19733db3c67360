import type { Bench } from "../bench.ts";
import type { Section } from "../figure.ts";

/** Something to measure. */
export interface Work {
  /** For --only. */
  name: string;
  /** For --list. */
  summary: string;
  /** Programs of the system that it needs besides the peers. */
  tools: readonly ("curl" | "wrk")[];
  run(bench: Bench): Promise<Section>;
}

import type { Values } from "./figure.ts";
import type { Program } from "./program.ts";
import { median } from "./quantile.ts";

interface Measured {
  name: string;
  program?: Program;
}

/** By the name of who was measured, in the order of the runs. */
export type Samples<Sample> = Record<string, Sample[]>;

/** A B C A B C …: what disturbs the machine disturbs all of them. */
export async function interleave<Each extends Measured, Sample>(
  measured: readonly Each[],
  runs: number,
  measure: (each: Each, run: number) => Promise<Sample>,
): Promise<Samples<Sample>> {
  const samples: Samples<Sample> = Object.fromEntries(measured.map(({ name }) => [name, []]));
  for (let run = 0; run < runs; run += 1) {
    for (const each of measured) {
      samples[each.name]?.push(await explain(each, measure(each, run)));
    }
  }
  return samples;
}

/** A failure says whose it is, and what that server wrote last. */
async function explain<Sample>(
  { name, program }: Measured,
  measured: Promise<Sample>,
): Promise<Sample> {
  try {
    return await measured;
  } catch (cause) {
    // A request is logged once it has ended.
    await program?.rest().catch(() => undefined);
    const last = await program?.describeState();
    throw new Error(`${name} failed; ${last ?? "it has no process"}`, { cause });
  }
}

export function mediansOf<Sample>(
  samples: Samples<Sample>,
  pick: (sample: Sample) => number,
): Values {
  const entries = Object.entries(samples);
  return Object.fromEntries(entries.map(([name, all]) => [name, median(all.map(pick))]));
}

/** Each value over that of one of them, which is left out. */
export function over(values: Values, base: string): Values {
  const divisor = values[base] ?? NaN;
  const others = Object.entries(values).filter(([name]) => name !== base);
  return Object.fromEntries(others.map(([name, value]) => [name, value / divisor]));
}

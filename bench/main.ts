/** `npm run bench`: measures the built mirror beside its peers, and prints tables. */
import { writeFile } from "node:fs/promises";
import { Bench } from "./bench.ts";
import type { Section } from "./figure.ts";
import { describeMachine, formatMachine, type Machine } from "./machine.ts";
import { parseOptions, usage, UsageError, type Options } from "./options.ts";
import { formatSection } from "./table.ts";
import { addSystemDirectories, describeMissing } from "./tools.ts";
import type { Work } from "./works/work.ts";
import { works } from "./works/works.ts";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => stop.abort(new Error(`ended by ${signal}`)));
}

process.exitCode = await main(process.argv.slice(2));

/** Resolves to an exit code: 0 done, 1 failed, 2 wrong usage. */
async function main(args: string[]): Promise<number> {
  try {
    addSystemDirectories();
    return await run(
      parseOptions(
        args,
        works.map(({ name }) => name),
      ),
    );
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${usage}`);
      return 2;
    }
    console.error(stop.signal.aborted ? stop.signal.reason : error);
    return 1;
  }
}

async function run(options: Options): Promise<number> {
  if (options.isList) {
    for (const { name, summary } of works) console.log(`${name.padEnd(16)} ${summary}`);
    return 0;
  }
  const chosen = works.filter(({ name }) => options.only.includes(name));
  const tools = chosen.flatMap((work) => work.tools);
  const missing = await describeMissing(tools, options.peers);
  if (missing !== undefined) {
    console.error(missing);
    return 1;
  }
  const machine = await describeMachine(options.peers);
  console.log(`${formatMachine(machine)}\n`);
  await measure(chosen, options, machine);
  return 0;
}

async function measure(chosen: Work[], options: Options, machine: Machine): Promise<void> {
  await using bench = await Bench.open(options, stop.signal);
  const sections: Section[] = [];
  for (const work of chosen) {
    stop.signal.throwIfAborted();
    console.error(`… ${work.name}: ${work.summary}`);
    const section = await work.run(bench);
    console.log(formatSection(section));
    sections.push(section);
    // After each work, so that a run that ends early leaves what it found.
    await save(options, { machine, sections });
  }
}

async function save(
  { jsonFile, runs, sizeMib, isQuick }: Options,
  { machine, sections }: { machine: Machine; sections: Section[] },
): Promise<void> {
  if (jsonFile === undefined) return;
  const found = sections.map(({ figures, ...section }) => ({
    ...section,
    figures: figures.map(({ what, values, target }) => ({
      what,
      values,
      ...(target && { target: target.text, isMet: target.isMet(values) ?? null }),
    })),
  }));
  const settings = { runs, sizeMib, isQuick };
  await writeFile(jsonFile, `${JSON.stringify({ machine, settings, sections: found }, null, 2)}\n`);
}

import type { Command } from "commander";
import { formatPullName, parsePullName } from "../oci/pull-name.ts";
import type { PinEntry } from "../registry/operations/operations.ts";
import {
  withConfig,
  withExamples,
  withJson,
  type CommandContext,
  type ConfigOption,
  type JsonOption,
} from "./command.ts";
import { exitCode, type ExitCode } from "./exit-code.ts";
import { formatAge, formatTime } from "./format-age.ts";
import { describePin } from "./format-shown.ts";
import { formatTable, toPrintable } from "./format-table.ts";
import { writeJson, writeLine, writeText } from "./output.ts";
import { timeArgument } from "./parse-argument.ts";
import { runOperations } from "./run-operations.ts";

type Options = ConfigOption & JsonOption;

interface PinOptions extends Options {
  until?: number;
  note?: string;
}

export function registerPins(program: Command, context: CommandContext): void {
  registerPin(program, context);
  registerUnpin(program, context);
  registerListPins(program, context);
}

function registerPin(program: Command, context: CommandContext): void {
  const command = program
    .command("pin")
    .description("keep a name, with all it is made of, whatever its age and however full the disk")
    .argument(
      "<name>",
      "node:24, which is what it points to as it moves; ghcr.io/owner/app@sha256:…",
    )
    .option("--until <date>", "2026-12-31, 2026-12-31T18:00Z, or an age from now: 30d", (text) =>
      timeArgument(text, context.clock.now()),
    )
    .option("--note <text>", "why, for those who read the list of pins")
    .action(async (name: string, options: PinOptions) =>
      context.finish(await pin(name, options, context)),
    );
  withExamples(withJson(withConfig(command)), [
    "pin node:24",
    'pin ghcr.io/owner/app:1.2 --until 2026-12-31 --note "release 1.2"',
  ]);
}

function registerUnpin(program: Command, context: CommandContext): void {
  const command = program
    .command("unpin")
    .description("take a pin back; what it covered stays until space or age takes it")
    .argument("<name>", "as it was pinned: node:24")
    .action(async (name: string, options: Options) =>
      context.finish(await unpin(name, options, context)),
    );
  withExamples(withJson(withConfig(command)), ["unpin node:24"]);
}

function registerListPins(program: Command, context: CommandContext): void {
  const command = program
    .command("pins")
    .description("list the pins; those of rules are in the configuration")
    .action(async (options: Options) => context.finish(await listPins(options, context)));
  withExamples(withJson(withConfig(command)), ["pins", "pins --json | jq -r '.[].name'"]);
}

async function pin(
  name: string,
  { config, json, until, note }: PinOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { stdout, stderr, stop: signal } = context;
  const args = { name, ...(until !== undefined && { until }), ...(note !== undefined && { note }) };
  return runOperations(context, config, async (operations) => {
    const entry = await operations.pin(args, { signal, onEvent: () => undefined });
    if (json) await writeJson(stdout, entry);
    else await writeLine(stdout, toPrintable(`pinned ${describePin(entry)}`));
    if (!entry.present) {
      const what = `nothing of it is here yet: entrepot prefetch ${entry.name}`;
      await writeLine(stderr, `warning: ${toPrintable(what)}`);
    }
    return exitCode.done;
  });
}

async function unpin(
  name: string,
  { config, json }: Options,
  context: CommandContext,
): Promise<ExitCode> {
  const { stdout, stderr, stop: signal } = context;
  return runOperations(context, config, async (operations) => {
    const { repository, reference } = parsePullName(name);
    const full = formatPullName(repository, reference);
    const result = await operations.unpin({ name }, { signal, onEvent: () => undefined });
    if (json) await writeJson(stdout, result);
    else if (result.removed) await writeLine(stdout, toPrintable(`unpinned ${full}`));
    if (result.removed) return exitCode.done;
    const problem = `error: ${full} is not pinned; entrepot pins lists the pins`;
    await writeLine(stderr, toPrintable(problem));
    return exitCode.failed;
  });
}

async function listPins({ config, json }: Options, context: CommandContext): Promise<ExitCode> {
  const { stdout, stderr, stop: signal, clock } = context;
  return runOperations(context, config, async (operations) => {
    const pins = await operations.listPins({}, { signal, onEvent: () => undefined });
    if (json) await writeJson(stdout, pins);
    else if (pins.length === 0) await writeLine(stderr, "no pins found");
    else await writeText(stdout, `${formatPins(pins, clock.now()).join("\n")}\n`);
    return exitCode.done;
  });
}

function formatPins(pins: PinEntry[], now: number): string[] {
  return formatTable(
    [
      { title: "NAME", format: ({ name }) => name },
      { title: "HERE", format: ({ present }) => (present ? "yes" : "no") },
      { title: "PINNED", format: ({ createdAt }) => formatAge(createdAt, now) },
      { title: "UNTIL", format: ({ until }) => (until === undefined ? "" : formatTime(until)) },
      { title: "NOTE", format: ({ note = "" }) => note },
    ],
    pins,
  );
}

import type { Command } from "commander";
import {
  withConfig,
  withExamples,
  withJson,
  type CommandContext,
  type ConfigOption,
  type JsonOption,
} from "./command.ts";
import { exitCode, type ExitCode } from "./exit-code.ts";
import { formatStats } from "./format-stats.ts";
import { writeJson, writeText } from "./output.ts";
import { durationArgument } from "./parse-argument.ts";
import { runOperations } from "./run-operations.ts";

interface StatsOptions extends ConfigOption, JsonOption {
  /** Milliseconds. */
  since?: number;
}

export function registerStats(program: Command, context: CommandContext): void {
  const command = program
    .command("stats")
    .description("print space, counts, how much came from the cache, and what is under way")
    .option(
      "--since <age>",
      "count the traffic of so long, in whole days: 7d (default: 30d)",
      durationArgument,
    )
    .action(async (options: StatsOptions) => context.finish(await printStats(options, context)));
  withExamples(withJson(withConfig(command)), [
    "stats",
    "stats --since 7d",
    "stats --json | jq .traffic.savedBytes",
  ]);
}

async function printStats(
  { config, json, since }: StatsOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { stdout, stop: signal, clock } = context;
  return runOperations(context, config, async (operations) => {
    const args = since === undefined ? {} : { sinceMs: since };
    const stats = await operations.stats(args, { signal, onEvent: () => undefined });
    if (json) await writeJson(stdout, stats);
    else await writeText(stdout, `${formatStats(stats, clock.now()).join("\n")}\n`);
    return exitCode.done;
  });
}

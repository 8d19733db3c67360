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
import { formatShown } from "./format-shown.ts";
import { writeJson, writeText } from "./output.ts";
import { runOperations } from "./run-operations.ts";

type ShowOptions = ConfigOption & JsonOption;

export function registerShow(program: Command, context: CommandContext): void {
  const command = program
    .command("show")
    .description("show one tag or manifest in full: what it is made of, and what of that is here")
    .argument("<name>", "node:24, ghcr.io/owner/app@sha256:…")
    .action(async (name: string, options: ShowOptions) =>
      context.finish(await show(name, options, context)),
    );
  withExamples(withJson(withConfig(command)), [
    "show node:24",
    "show ghcr.io/owner/app@sha256:…",
    "show node:24 --json | jq .tag",
  ]);
}

async function show(
  name: string,
  { config, json }: ShowOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { stdout, stop: signal, clock } = context;
  return runOperations(context, config, async (operations) => {
    const shown = await operations.show({ name }, { signal, onEvent: () => undefined });
    if (json) await writeJson(stdout, shown);
    else await writeText(stdout, `${formatShown(shown, clock.now()).join("\n")}\n`);
    return exitCode.done;
  });
}

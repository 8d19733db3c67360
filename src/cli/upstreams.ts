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
import { formatUpstreams, isUnmeasured } from "./format-upstreams.ts";
import { writeJson, writeLine, writeText } from "./output.ts";
import { runOperations } from "./run-operations.ts";
import { registerUpstreamsTest } from "./upstreams-test.ts";

type Options = ConfigOption & JsonOption;

export function registerUpstreams(program: Command, context: CommandContext): void {
  const command = program
    .command("upstreams")
    .description(
      "list the upstreams, how their endpoints answer and what may still be asked; or test them",
    )
    .action(async (options: Options) => context.finish(await listUpstreams(options, context)));
  withExamples(withJson(withConfig(command)), [
    "upstreams",
    "upstreams --json | jq '.[].endpoints[] | select(.state != \"ok\")'",
    "upstreams test                       try each of them, step by step",
    "upstreams test ghcr.io/owner/app:1.2",
  ]);
  registerUpstreamsTest(command, context);
}

async function listUpstreams(
  { config, json }: Options,
  context: CommandContext,
): Promise<ExitCode> {
  const { stdout, stderr, stop: signal, clock } = context;
  return runOperations(
    context,
    config,
    async (operations) => {
      const upstreams = await operations.listUpstreams({}, { signal, onEvent: () => undefined });
      if (json) {
        await writeJson(stdout, upstreams);
        return exitCode.done;
      }
      await writeText(stdout, `${formatUpstreams(upstreams, clock.now()).join("\n")}\n`);
      if (isUnmeasured(upstreams)) {
        await writeLine(
          stderr,
          "nothing was measured: no server runs, or nothing was asked of them yet",
        );
      }
      return exitCode.done;
    },
    { storage: "optional" },
  );
}

import type { Command } from "commander";
import type { ProbeStep } from "../registry/operations/operations.ts";
import {
  withConfig,
  withExamples,
  withJson,
  type CommandContext,
  type ConfigOption,
  type JsonOption,
} from "./command.ts";
import { exitCode, type ExitCode } from "./exit-code.ts";
import { formatStep, formatVerdicts } from "./format-probe.ts";
import { writeJson, writeLine } from "./output.ts";
import { runOperations } from "./run-operations.ts";

type Options = ConfigOption & JsonOption;

const description =
  "take every step of a pull to each endpoint, and say what is wrong where: name, connection, " +
  "proxy, TLS, API, token, manifest, a few bytes of a blob; without a name, of all upstreams";

export function registerUpstreamsTest(upstreams: Command, context: CommandContext): void {
  const command = upstreams
    .command("test")
    .summary("try the upstreams, step by step, and say what is wrong where")
    .description(description)
    .argument("[name]", "an upstream's host, or what would be pulled: ghcr.io/owner/app:1.2")
    .action(async (name: string | undefined, _: Options, self: Command) => {
      // The command above has the same options, and takes those behind `test` for its own.
      const options = self.optsWithGlobals<Options>();
      context.finish(await testUpstreams(name, options, context));
    });
  withExamples(withJson(withConfig(command)), [
    "upstreams test",
    "upstreams test docker.io",
    "upstreams test ghcr.io/owner/app:1.2",
    "upstreams test --json | jq '.upstreams[] | select(.ok | not)'",
  ]);
}

async function testUpstreams(
  name: string | undefined,
  { config, json }: Options,
  context: CommandContext,
): Promise<ExitCode> {
  const { stdout, stop: signal } = context;
  return runOperations(
    context,
    config,
    async (operations) => {
      let before: ProbeStep | undefined;
      const print = (step: ProbeStep) => {
        for (const line of formatStep(step, before)) stdout.write(`${line}\n`);
        before = step;
      };
      const args = name === undefined ? {} : { name };
      const onEvent = json ? () => undefined : print;
      const report = await operations.testUpstream(args, { signal, onEvent });
      if (json) await writeJson(stdout, report);
      else for (const line of formatVerdicts(report)) await writeLine(stdout, line);
      return report.upstreams.every(({ ok }) => ok) ? exitCode.done : exitCode.failed;
    },
    { storage: "optional" },
  );
}

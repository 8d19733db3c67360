import { setImmediate as afterOtherWork } from "node:timers/promises";
import { Command, CommanderError } from "commander";
import { systemClock, type Clock } from "../clock.ts";
import { registerConfig } from "./config.ts";
import type { CommandContext } from "./command.ts";
import { registerEvict } from "./evict.ts";
import { exitCode, type ExitCode } from "./exit-code.ts";
import { toPrintable } from "./format-table.ts";
import { registerHealthcheck } from "./healthcheck.ts";
import { registerList } from "./list.ts";
import { writeText, type OutputStream } from "./output.ts";
import { OutputWatch } from "./output-watch.ts";
import { registerPins } from "./pins.ts";
import { registerPrefetch } from "./prefetch.ts";
import { registerRemove } from "./remove.ts";
import { registerRules } from "./rules.ts";
import { registerServe, type ServeOptions } from "./serve.ts";
import { registerSetup } from "./setup.ts";
import { registerShow } from "./show.ts";
import { registerStats } from "./stats.ts";
import { registerUpstreams } from "./upstreams.ts";
import { registerVerify } from "./verify.ts";

export interface ProgramOptions extends ServeOptions, Pick<CommandContext, "openOperations"> {
  version: string;
  /** The machine's unless given. */
  clock?: Clock;
  /** Those of the process unless given. */
  stdout?: OutputStream;
  stderr?: OutputStream;
}

const examples = `
Examples:
  $ entrepot serve                                 serve with ./mirror.config.yaml
  $ entrepot serve --config /etc/entrepot.yaml
  $ ENTREPOT_SERVER_LISTEN=127.0.0.1:5005 entrepot serve
  $ entrepot ls --sort size                        what is in the cache
  $ entrepot show node:24                          one of it in full
  $ entrepot COMMAND --help                        more examples

While a server runs, commands go to it; without one they work on its storage themselves.
Names are completed as docker does: node is docker.io/library/node:latest.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration`;

/** Does what the arguments (without node and script) say; resolves to the exit code. */
export async function runProgram(args: string[], options: ProgramOptions): Promise<ExitCode> {
  const { stdout = process.stdout, stderr = process.stderr, clock = systemClock } = options;
  const output = new OutputWatch({ stdout, stderr });
  const stop = AbortSignal.any([options.stop, output.gone]);
  let result: ExitCode = exitCode.done;
  const finish = (code: ExitCode) => {
    result = code;
  };
  const program = createProgram(options, { ...options, stdout, stderr, clock, stop, finish });
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    result = error.exitCode === 0 ? exitCode.done : exitCode.usage;
  }
  // Behind all that was written before, and an event later than its failure.
  await writeText(stdout, "");
  await afterOtherWork();
  return output.failed ? exitCode.failed : result;
}

function createProgram(options: ProgramOptions, context: CommandContext): Command {
  const { stdout, stderr } = context;
  const program = new Command("entrepot")
    .description("A pull-through caching mirror for container registries")
    .version(options.version)
    .showHelpAfterError()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text.split("\n").map(toPrintable).join("\n")),
    })
    .addHelpText("after", examples)
    .exitOverride();
  program.commandsGroup("Server:");
  registerServe(program, { ...options, finish: context.finish });
  const serving = [
    registerHealthcheck,
    registerUpstreams,
    registerConfig,
    registerRules,
    registerSetup,
  ];
  for (const register of serving) register(program, context);
  program.commandsGroup("What is in the cache:");
  for (const register of [registerList, registerShow, registerStats]) register(program, context);
  program.commandsGroup("Steering it:");
  const steering = [registerPrefetch, registerPins, registerRemove, registerEvict, registerVerify];
  for (const register of steering) register(program, context);
  return program;
}

import { Command, CommanderError } from "commander";
import { checkConfig } from "./config-check.ts";
import { exitCode, type ExitCode } from "./exit-code.ts";
import { checkHealth } from "./healthcheck.ts";
import { serve, type ServeOptions } from "./serve.ts";

interface ProgramOptions extends ServeOptions {
  version: string;
}

interface CommandOptions {
  config: string;
}

const examples = `
Examples:
  $ entrepot serve                                 serve with ./mirror.config.yaml
  $ entrepot serve --config /etc/entrepot.yaml
  $ ENTREPOT_SERVER_LISTEN=127.0.0.1:5005 entrepot serve
  $ entrepot config check --config mirror.config.yaml

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration`;

/** Does what the arguments (without node and script) say; resolves to the exit code. */
export async function runProgram(args: string[], options: ProgramOptions): Promise<ExitCode> {
  let result: ExitCode = exitCode.done;
  const program = createProgram(options, (code) => {
    result = code;
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return result;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCode.done : exitCode.usage;
  }
}

function createProgram(options: ProgramOptions, finish: (code: ExitCode) => void): Command {
  const { env, version } = options;
  const program = new Command("entrepot")
    .description("A pull-through caching mirror for container registries")
    .version(version)
    .showHelpAfterError()
    .addHelpText("after", examples)
    .exitOverride();
  withConfig(program.command("serve"))
    .description("run the mirror until SIGTERM or Ctrl-C")
    .action(async ({ config }: CommandOptions) => finish(await serve(config, options)));
  withConfig(
    program.command("config").description("work with configuration files").command("check"),
  )
    .description("say whether a configuration is good, and list all that is wrong")
    .action(async ({ config }: CommandOptions) => finish(await checkConfig(config, env)));
  withConfig(program.command("healthcheck"))
    .description("ask the running server whether it is well, for container health checks")
    .action(async ({ config }: CommandOptions) => finish(await checkHealth(config, env)));
  return program;
}

function withConfig(command: Command): Command {
  return command.option("-c, --config <file>", "configuration file", "mirror.config.yaml");
}

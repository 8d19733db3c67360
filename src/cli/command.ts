import { Option, type Command } from "commander";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import type { Operations } from "../registry/operations/operations.ts";
import type { ExitCode } from "./exit-code.ts";
import type { OutputStream } from "./output.ts";

/** Those of a running server, or of this process, which then holds the storage until disposed of. */
interface OpenOperations extends AsyncDisposable {
  readonly operations: Operations;
}

/**
 * What a command does without a server where no cache was made yet. existing: it ends, as there is
 * nothing to look at · made: it makes one, to fill it · optional: it goes without.
 */
export type StorageNeed = "existing" | "made" | "optional";

/** What a command is given besides its arguments. */
export interface CommandContext {
  env: NodeJS.ProcessEnv;
  /**
   * Throws StartError for what an operator must mend.
   */
  openOperations: (config: Config, storage: StorageNeed) => Promise<OpenOperations>;
  /** Aborted when the command shall end: by a signal, or as nobody reads its output any more. */
  stop: AbortSignal;
  clock: Clock;
  /** For the result, and with `--json` for one document and nothing else. */
  stdout: OutputStream;
  /** For errors, warnings and progress. */
  stderr: OutputStream;
  /** Called once, with what the shell shall be told. */
  finish: (code: ExitCode) => void;
}

/** Every command that reads the configuration has it; becomes `config` of its options. */
export function withConfig(command: Command): Command {
  return command.option("-c, --config <file>", "configuration file", "mirror.config.yaml");
}

/** Becomes `json` of the command's options. */
export function withJson(command: Command): Command {
  return withSwitch(command, "--json", "print one JSON document instead of text");
}

/** Off unless given; unlike with a default of false, help does not say so. */
export function withSwitch(command: Command, flag: string, description: string): Command {
  const option = new Option(flag, description);
  return command.addOption(option).setOptionValue(option.attributeName(), false);
}

export interface ConfigOption {
  config: string;
}

export interface JsonOption {
  json: boolean;
}

/** Shown at the end of a command's help, one a line. */
export function withExamples(command: Command, examples: string[]): Command {
  const lines = examples.map((example) => `  $ entrepot ${example}`);
  return command.addHelpText("after", ["", "Examples:", ...lines].join("\n"));
}

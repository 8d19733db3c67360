import type { Config } from "../config/config.ts";
import { RegistryError, type ErrorCode } from "../oci/errors.ts";
import type { Operations } from "../registry/operations/operations.ts";
import { StartError } from "../start-error.ts";
import type { CommandContext, StorageNeed } from "./command.ts";
import { exitCode, type ExitCode } from "./exit-code.ts";
import { toPrintable } from "./format-table.ts";
import { writeLine } from "./output.ts";
import { readConfig } from "./read-config.ts";

interface WorkNeeds {
  /** "existing" unless given. */
  storage?: StorageNeed;
  /** What is wrong with the usage, as only the configuration tells; undefined: nothing. */
  findMisuse?: (config: Config) => string | undefined;
}

/**
 * Opens what the configuration names, lets the command do its work, and says what went wrong in
 * words. Resolves to the exit code; a stop ends it without a word more than that.
 */
export async function runOperations(
  context: CommandContext,
  file: string,
  work: (operations: Operations, config: Config) => Promise<ExitCode>,
  { storage = "existing", findMisuse = () => undefined }: WorkNeeds = {},
): Promise<ExitCode> {
  const config = await readConfig(file, context.env);
  if (!config) return exitCode.usage;
  const misuse = findMisuse(config);
  if (misuse !== undefined) {
    await writeLine(context.stderr, `error: ${misuse}`);
    return exitCode.usage;
  }
  try {
    await using open = await context.openOperations(config, storage);
    context.stop.throwIfAborted();
    return await work(open.operations, config);
  } catch (error) {
    if (context.stop.aborted) return exitCode.failed;
    if (!isExplained(error)) throw error;
    const lines = `error: ${error.message}`.split("\n").map(toPrintable);
    await writeLine(context.stderr, lines.join("\n"));
    return isMisnamed(error) ? exitCode.usage : exitCode.failed;
  }
}

const misnamed: readonly ErrorCode[] = ["NAME_INVALID", "TAG_INVALID", "DIGEST_INVALID"];

/** What was asked for can be no name, whatever is in the cache. */
function isMisnamed(error: Error): boolean {
  return error instanceof RegistryError && misnamed.includes(error.code);
}

/**
 * Whether the message is meant for people. Failures of the disk, the database and upstreams are
 * told by their `failure`, as their classes are not for this layer.
 */
function isExplained(error: unknown): error is Error {
  if (error instanceof RegistryError || error instanceof StartError) return true;
  return Error.isError(error) && "failure" in error && typeof error.failure === "string";
}

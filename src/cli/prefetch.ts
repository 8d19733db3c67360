import { InvalidArgumentError, type Command } from "commander";
import type { Config } from "../config/config.ts";
import { RegistryError } from "../oci/errors.ts";
import { formatPlatform, parsePlatform } from "../oci/platform.ts";
import { parsePullName } from "../oci/pull-name.ts";
import type { OperationArgs, Operations } from "../registry/operations/operations.ts";
import {
  withConfig,
  withExamples,
  withJson,
  type CommandContext,
  type ConfigOption,
  type JsonOption,
} from "./command.ts";
import { exitCode, type ExitCode } from "./exit-code.ts";
import { NameListError, readNameList } from "./name-list.ts";
import { writeJson, writeLine } from "./output.ts";
import { ProgressDisplay } from "./progress-display.ts";
import { formatReport } from "./progress-lines.ts";
import { runOperations } from "./run-operations.ts";

type Platforms = OperationArgs<"prefetch">["platforms"];

interface PrefetchOptions extends ConfigOption, JsonOption {
  file: string[];
  platform?: Platforms;
}

export function registerPrefetch(program: Command, context: CommandContext): void {
  const command = program
    .command("prefetch")
    .description("fetch into the cache what will be pulled; without names, the configured list")
    .argument("[name...]", "what would be pulled: node:24, ghcr.io/owner/app", nameArgument)
    .option(
      "--platform <list>",
      "of indexes: linux/amd64,linux/arm64 or all (default: prefetch.platforms)",
      platformArgument,
    )
    .option(
      "--file <list>",
      "also the names in a list (one a line), compose file or Kubernetes YAML; - is standard input",
      collectFile,
    )
    .setOptionValue("file", [])
    .action(async (names: string[], options: PrefetchOptions) =>
      context.finish(await prefetch(names, options, context)),
    );
  withExamples(withJson(withConfig(command)), [
    "prefetch node:24 ghcr.io/owner/app:1.2",
    "prefetch node:24 --platform linux/amd64,linux/arm64",
    "prefetch --file compose.yaml",
    "prefetch --file - --platform all < names.txt",
  ]);
}

function nameArgument(text: string, before: string[] = []): string[] {
  try {
    parsePullName(text);
  } catch (error) {
    if (error instanceof RegistryError) throw new InvalidArgumentError(error.message);
    throw error;
  }
  return [...before, text];
}

function platformArgument(text: string): Platforms {
  if (text === "all") return text;
  const written = text.split(",").map((part) => part.trim());
  return written.map((part) => {
    const platform = parsePlatform(part);
    if (platform) return formatPlatform(platform);
    throw new InvalidArgumentError(
      "Write os/architecture, several with commas: linux/amd64,linux/arm64/v8, or all.",
    );
  });
}

function collectFile(file: string, before: string[]): string[] {
  return [...before, file];
}

async function prefetch(
  written: string[],
  options: PrefetchOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const listed = await readLists(options.file, context);
  if (typeof listed === "number") return listed;
  const isConfigured = written.length === 0 && options.file.length === 0;
  const work = async (operations: Operations, config: Config) => {
    const names = isConfigured ? config.prefetch.names : [...written, ...listed];
    const platforms = options.platform ?? formatPlatforms(config.prefetch);
    return run(operations, { names, platforms }, { context, json: options.json });
  };
  const findMisuse = ({ prefetch: { names } }: Config) =>
    isConfigured && names.length === 0
      ? "name what to prefetch, or set prefetch.images"
      : undefined;
  return runOperations(context, options.config, work, { storage: "made", findMisuse });
}

function formatPlatforms({ platforms }: Config["prefetch"]): Platforms {
  return platforms === "all" ? platforms : platforms.map(formatPlatform);
}

/** An exit code: one of them is wrong, which goes to standard error, or the command was stopped. */
async function readLists(
  files: string[],
  { env, stderr, stop: signal }: CommandContext,
): Promise<string[] | ExitCode> {
  const names: string[] = [];
  try {
    for (const file of files) {
      names.push(...(await readNameList({ file, stdin: process.stdin, env, signal })));
    }
    return names;
  } catch (error) {
    if (signal.aborted) return exitCode.failed;
    if (!(error instanceof NameListError)) throw error;
    await writeLine(stderr, error.message);
    return exitCode.usage;
  }
}

async function run(
  operations: Operations,
  args: OperationArgs<"prefetch">,
  { context, json }: { context: CommandContext; json: boolean },
): Promise<ExitCode> {
  const { stdout } = context;
  const report = await fetchShown(operations, args, context);
  if (json) await writeJson(stdout, report);
  else for (const line of formatReport(report)) await writeLine(stdout, line);
  return report.names.every(({ complete }) => complete) ? exitCode.done : exitCode.failed;
}

async function fetchShown(
  operations: Operations,
  args: OperationArgs<"prefetch">,
  { stderr, stop: signal, clock }: CommandContext,
) {
  try {
    await using display = new ProgressDisplay({ stream: stderr, clock });
    const onEvent = display.note.bind(display);
    return await operations.prefetch(args, { signal, onEvent });
  } catch (error) {
    if (signal.aborted) {
      const kept = "what came so far is kept, and the same command goes on from there";
      await writeLine(stderr, `stopped: ${kept}`);
    }
    throw error;
  }
}

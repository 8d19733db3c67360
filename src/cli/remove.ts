import type { Command } from "commander";
import type { RemovedEntry } from "../registry/operations/operations.ts";
import {
  withConfig,
  withExamples,
  withJson,
  withSwitch,
  type CommandContext,
  type ConfigOption,
  type JsonOption,
} from "./command.ts";
import { exitCode, type ExitCode } from "./exit-code.ts";
import { formatCount, formatSize } from "./format-size.ts";
import { toPrintable } from "./format-table.ts";
import { writeJson, writeLine } from "./output.ts";
import { runOperations } from "./run-operations.ts";

interface RemoveOptions extends ConfigOption, JsonOption {
  allTags: boolean;
}

export function registerRemove(program: Command, context: CommandContext): void {
  const command = program
    .command("rm")
    .description("remove tags or manifests, and what nothing else in the cache needs of them")
    .argument("<name...>", "node:24, ghcr.io/owner/app@sha256:…")
    .action(async (names: string[], options: RemoveOptions) =>
      context.finish(await remove(names, options, context)),
    );
  withSwitch(command, "--all-tags", "the names are those of repositories, and all of each goes");
  withExamples(withJson(withConfig(command)), [
    "rm node:22 node:20",
    "rm --all-tags ghcr.io/owner/app",
  ]);
}

async function remove(
  names: string[],
  { config, json, allTags }: RemoveOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { stdout, stop: signal } = context;
  return runOperations(context, config, async (operations) => {
    const call = { signal, onEvent: () => undefined };
    const removed = await operations.remove({ names, allTags }, call);
    if (json) await writeJson(stdout, removed);
    else for (const entry of removed) await writeLine(stdout, describeRemoved(entry));
    return exitCode.done;
  });
}

function describeRemoved({ name, tags, manifests, blobs, bytes }: RemovedEntry): string {
  const counts = [
    formatCount(tags, "tag"),
    formatCount(manifests, "manifest"),
    formatCount(blobs, "blob"),
  ];
  return toPrintable(`removed ${name}: ${counts.join(", ")}; ${formatSize(bytes)} are free again`);
}

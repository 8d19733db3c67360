import type { Command } from "commander";
import type { EvictionEntry, EvictionReport } from "../registry/operations/operations.ts";
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
import { formatAge } from "./format-age.ts";
import { formatCount, formatSize } from "./format-size.ts";
import { formatTable, type Column } from "./format-table.ts";
import { writeJson, writeLine, writeText } from "./output.ts";
import { durationArgument, sizeArgument } from "./parse-argument.ts";
import { runOperations } from "./run-operations.ts";
import { shortenDigest } from "./short-digest.ts";

interface EvictOptions extends ConfigOption, JsonOption {
  /** Bytes. */
  to?: number;
  /** Milliseconds. */
  olderThan?: number;
  dryRun: boolean;
}

export function registerEvict(program: Command, context: CommandContext): void {
  const command = program
    .command("evict")
    .description("make room now, least recently used first; without options, as the limits say")
    .option("--to <size>", "until the cache holds no more than this: 40GiB", sizeArgument)
    .option("--older-than <age>", "what nobody used for so long: 30d", durationArgument)
    .action(async (options: EvictOptions) => context.finish(await evict(options, context)));
  withSwitch(command, "--dry-run", "remove nothing, list what would go, what would stay, and why");
  withExamples(withJson(withConfig(command)), [
    "evict --to 40GiB --dry-run",
    "evict --older-than 30d",
    "evict --dry-run --json | jq '.entries[] | select(.fate == \"stays\")'",
  ]);
}

async function evict(options: EvictOptions, context: CommandContext): Promise<ExitCode> {
  const { stdout, stderr, stop: signal, clock } = context;
  const { config, json, dryRun } = options;
  return runOperations(context, config, async (operations) => {
    const entries: EvictionEntry[] = [];
    const onEvent = (entry: EvictionEntry) => {
      if (json || dryRun) entries.push(entry);
    };
    const report = await operations.evict(toArgs(options), { signal, onEvent });
    if (json) await writeJson(stdout, { ...report, entries });
    else {
      if (entries.length > 0) {
        await writeText(stdout, `${formatTable(columnsAt(clock.now()), entries).join("\n")}\n\n`);
      }
      await writeLine(stdout, describeReport(report, dryRun));
    }
    if (report.reached) return exitCode.done;
    await writeLine(stderr, `error: ${explainShortfall(report)}`);
    return exitCode.failed;
  });
}

function toArgs({ to, olderThan, dryRun }: EvictOptions): {
  toBytes?: number;
  olderThanMs?: number;
  dryRun: boolean;
} {
  return {
    dryRun,
    ...(to !== undefined && { toBytes: to }),
    ...(olderThan !== undefined && { olderThanMs: olderThan }),
  };
}

function columnsAt(now: number): Column<EvictionEntry>[] {
  return [
    { title: "FATE", format: ({ fate }) => fate },
    { title: "KIND", format: ({ kind }) => kind },
    { title: "DIGEST", format: ({ digest }) => shortenDigest(digest) },
    { title: "SIZE", align: "right", format: ({ size }) => formatSize(size) },
    { title: "USED", format: ({ usedAt }) => formatAge(usedAt, now) },
    { title: "WHY", format: ({ reason }) => reason },
    { title: "OF", format: ({ names }) => names.join(" ") },
  ];
}

function describeReport(report: EvictionReport, dryRun: boolean): string {
  const { blobs, manifests, leftovers, bytes, bytesLeft } = report;
  const counts = [
    formatCount(blobs, "blob"),
    formatCount(manifests, "manifest"),
    formatCount(leftovers, "leftover"),
  ];
  const [gone, left] = dryRun ? ["would go", "would be left"] : ["are gone", "are left"];
  return `${counts.join(", ")}: ${formatSize(bytes)} ${gone}, ${formatSize(bytesLeft)} ${left}`;
}

function explainShortfall({ bytesLeft, pinnedBytes }: EvictionReport): string {
  const pinned = pinnedBytes > 0 ? ` (${formatSize(pinnedBytes)} of it pinned)` : "";
  return `there is no more to remove: ${formatSize(bytesLeft)} stay, pinned or in use${pinned}`;
}

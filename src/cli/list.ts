import type { Command } from "commander";
import { Option } from "commander";
import type {
  BlobEntry,
  CallOptions,
  Operations,
  RepositoryEntry,
  TagEntry,
} from "../registry/operations/operations.ts";
import {
  withConfig,
  withExamples,
  withJson,
  type CommandContext,
  type ConfigOption,
  type JsonOption,
} from "./command.ts";
import { exitCode, type ExitCode } from "./exit-code.ts";
import { formatAge } from "./format-age.ts";
import { formatSize } from "./format-size.ts";
import { formatTable, type Column } from "./format-table.ts";
import { writeJson, writeLine, writeText } from "./output.ts";
import { runOperations } from "./run-operations.ts";
import { shortenDigest } from "./short-digest.ts";

type Order = "size" | "used" | "name";

interface ListOptions extends ConfigOption, JsonOption {
  tags?: boolean;
  blobs?: boolean;
  sort: Order;
}

/** One of the three lists: how it is asked for, and how it is shown. */
interface Listing<Entry> {
  what: string;
  list: (operations: Operations, call: CallOptions<Entry>) => Promise<unknown>;
  nameOf: (entry: Entry) => string;
  columns: Column<Entry>[];
}

export function registerList(program: Command, context: CommandContext): void {
  const command = program
    .command("ls")
    .description("list what is in the cache: repositories, tags or blobs")
    .argument("[pattern]", "a name, or a pattern as in rules: node, ghcr.io/**, **/node:2*")
    .addOption(new Option("--tags", "list tags").conflicts("blobs"))
    .option("--blobs", "list blobs")
    .addOption(
      new Option("--sort <by>", "largest, most recently used or by name first")
        .choices(["size", "used", "name"])
        .default("name"),
    )
    .action(async (pattern: string | undefined, options: ListOptions) =>
      context.finish(await list(pattern, options, context)),
    );
  withExamples(withJson(withConfig(command)), [
    "ls",
    "ls node                    docker.io/library/node and all below it",
    "ls 'ghcr.io/**' --sort size",
    "ls --tags node --sort used",
    "ls --blobs --sort size --json | jq '.[:10]'",
  ]);
}

async function list(
  pattern: string | undefined,
  options: ListOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const args = pattern === undefined ? {} : { pattern };
  const now = context.clock.now();
  if (options.blobs === true) return run(describeBlobs(args, now), options, context);
  if (options.tags === true) return run(describeTags(args, now), options, context);
  return run(describeRepositories(args, now), options, context);
}

async function run<Entry extends { size: number; usedAt: number | undefined }>(
  listing: Listing<Entry>,
  { config, json, sort }: ListOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { stdout, stderr, stop: signal } = context;
  return runOperations(context, config, async (operations) => {
    const found: Entry[] = [];
    await listing.list(operations, { signal, onEvent: (entry) => void found.push(entry) });
    const entries = found.toSorted(byOrder(sort, listing.nameOf));
    if (json) await writeJson(stdout, entries);
    else if (entries.length === 0) await writeLine(stderr, `no ${listing.what} found`);
    else await writeText(stdout, `${formatTable(listing.columns, entries).join("\n")}\n`);
    return exitCode.done;
  });
}

function byOrder<Entry extends { size: number; usedAt: number | undefined }>(
  order: Order,
  nameOf: (entry: Entry) => string,
): (a: Entry, b: Entry) => number {
  if (order === "size") return (a, b) => b.size - a.size;
  if (order === "used") return (a, b) => (b.usedAt ?? -Infinity) - (a.usedAt ?? -Infinity) || 0;
  return (a, b) => compareText(nameOf(a), nameOf(b));
}

/** By code units: the same everywhere, whatever the language of the terminal. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function describeRepositories(args: { pattern?: string }, now: number): Listing<RepositoryEntry> {
  return {
    what: "repositories",
    list: (operations, call) => operations.listRepositories(args, call),
    nameOf: ({ name }) => name,
    columns: [
      { title: "REPOSITORY", format: ({ name }) => name },
      { title: "TAGS", align: "right", format: ({ tags }) => String(tags) },
      { title: "MANIFESTS", align: "right", format: ({ manifests }) => String(manifests) },
      { title: "BLOBS", align: "right", format: ({ blobs }) => String(blobs) },
      { title: "SIZE", align: "right", format: ({ size }) => formatSize(size) },
      { title: "USED", format: ({ usedAt }) => formatAge(usedAt, now) },
    ],
  };
}

function describeTags(args: { pattern?: string }, now: number): Listing<TagEntry> {
  return {
    what: "tags",
    list: (operations, call) => operations.listTags(args, call),
    nameOf: ({ name }) => name,
    columns: [
      { title: "TAG", format: ({ name }) => name },
      { title: "DIGEST", format: ({ digest }) => shortenDigest(digest) },
      { title: "SIZE", align: "right", format: ({ size }) => formatSize(size) },
      { title: "USED", format: ({ usedAt }) => formatAge(usedAt, now) },
      { title: "CHECKED", format: ({ checkedAt }) => formatAge(checkedAt, now) },
      { title: "PINNED", format: ({ pinned }) => (pinned ? "yes" : "") },
    ],
  };
}

function describeBlobs(args: { pattern?: string }, now: number): Listing<BlobEntry> {
  return {
    what: "blobs",
    list: (operations, call) => operations.listBlobs(args, call),
    nameOf: ({ digest }) => digest,
    columns: [
      { title: "BLOB", format: ({ digest }) => digest },
      { title: "SIZE", align: "right", format: ({ size }) => formatSize(size) },
      { title: "USED", format: ({ usedAt }) => formatAge(usedAt, now) },
      { title: "VERIFIED", format: ({ checkedAt }) => formatAge(checkedAt, now) },
      { title: "REPOSITORIES", format: ({ repositories }) => repositories.join(" ") },
    ],
  };
}

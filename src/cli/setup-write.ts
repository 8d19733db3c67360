import { join } from "node:path";
import { ClientFileError, type ClientFile, type Merged } from "../clients/client-setup.ts";
import { accessError, FileAccessError, locate, readIfThere } from "./client-files.ts";
import { exitCode, type ExitCode } from "./exit-code.ts";
import { toPrintable } from "./format-table.ts";
import { writeJson, writeLine, type OutputStream } from "./output.ts";
import { replaceFile } from "./replace-file.ts";
import {
  describeSetup,
  formatBlock,
  formatHeading,
  formatNotes,
  formatThen,
  type NamedSetup,
} from "./setup-print.ts";

interface WriteOptions {
  root: string;
  /** Milliseconds since 1970. */
  now: number;
  json: boolean;
  stdout: OutputStream;
  stderr: OutputStream;
}

interface PlannedFile {
  /** With the root in front. */
  path: string;
  /** Links followed. */
  place: string;
  before: string | undefined;
  after: Merged;
}

interface WrittenFile {
  path: string;
  outcome: "created" | "changed" | "unchanged";
  /** What was there, if it was replaced. */
  backup?: string;
  /** Comments that were there are in the backup only. */
  losesComments?: boolean;
}

/** Writes all of the files, or, where one of them cannot be used as it is, none. */
export async function writeSetup(named: NamedSetup, options: WriteOptions): Promise<ExitCode> {
  const written: WrittenFile[] = [];
  const problem = await tryToWrite(named.setup.files, options, written);
  if (options.json) await writeJson(options.stdout, describeSetup(named, written));
  else await writeLine(options.stdout, formatWritten(named, written));
  if (problem === undefined) return exitCode.done;
  await writeLine(options.stderr, toPrintable(problem));
  return exitCode.failed;
}

/** What went wrong, if anything did; until then adds to `written`. */
async function tryToWrite(
  files: ClientFile[],
  options: WriteOptions,
  written: WrittenFile[],
): Promise<string | undefined> {
  try {
    const planned: PlannedFile[] = [];
    for (const file of files) planned.push(await planFile(file, options.root));
    for (const file of planned) written.push(await writePlanned(file, options.now));
    return undefined;
  } catch (error) {
    if (!(error instanceof FileAccessError)) throw error;
    return error.message;
  }
}

async function planFile(file: ClientFile, root: string): Promise<PlannedFile> {
  const path = join(root, file.path);
  const place = await locate(root, file.path);
  const before = await readIfThere(place);
  if (before === undefined) {
    return { path, place, before, after: { text: file.text, losesComments: false } };
  }
  try {
    return { path, place, before, after: file.merge(before) };
  } catch (error) {
    if (!(error instanceof ClientFileError)) throw error;
    throw new FileAccessError(`${path}: ${error.message}; nothing was written`, { cause: error });
  }
}

async function writePlanned(file: PlannedFile, now: number): Promise<WrittenFile> {
  const { path, place, before, after } = file;
  if (before === after.text) return { path, outcome: "unchanged" };
  const suffix = `.entrepot-backup-${formatStamp(now)}`;
  try {
    await replaceFile(place, after.text, place + suffix);
  } catch (error) {
    throw accessError(path, "written", error);
  }
  if (before === undefined) return { path, outcome: "created" };
  const { losesComments } = after;
  return {
    path,
    outcome: "changed",
    backup: path + suffix,
    ...(losesComments && { losesComments }),
  };
}

/** YYYYMMDDHHMMSS, UTC. */
function formatStamp(at: number): string {
  return new Date(at).toISOString().replaceAll(/\D/g, "").slice(0, 14);
}

function formatWritten(named: NamedSetup, written: WrittenFile[]): string {
  const { setup } = named;
  const hasChanged = written.some(({ outcome }) => outcome !== "unchanged");
  const parts = [
    formatHeading(named),
    written.map((file) => formatFile(file)).join("\n"),
    ...setup.snippets.map(({ where, text }) => formatBlock(`by hand: ${where}`, text)),
    hasChanged ? formatThen(setup) : "",
    formatNotes(setup),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function formatFile({ path, outcome, backup, losesComments }: WrittenFile): string {
  return [
    `${outcome} ${path}`,
    ...(backup === undefined ? [] : [`  what was there: ${backup}`]),
    ...(losesComments ? ["  its comments are only there, as they cannot be kept"] : []),
  ].join("\n");
}

import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { z } from "zod";
import { isMissing } from "./disk-errors.ts";
import { Extents } from "./extents.ts";

/** What is known of a partial blob beyond its bytes. */
export interface PartialRecord {
  size: number | undefined;
  extents: Extents;
  /** The boot in which the bytes were written; undefined: they were synced before the record. */
  bootId: string | undefined;
}

const offset = z.number().int().nonnegative();
const schema = z.strictObject({
  size: offset.optional(),
  bootId: z.string().optional(),
  extents: z.array(z.tuple([offset, offset])),
});

/** undefined: there is none, or none that can be believed. */
export async function readPartialRecord(path: string): Promise<PartialRecord | undefined> {
  const parsed = schema.safeParse(parseJson(await readText(path)));
  if (!parsed.success) return undefined;
  const ranges = parsed.data.extents.map(([start, end]) => ({ start, end }));
  const { size, bootId } = parsed.data;
  return { size, bootId, extents: Extents.of(ranges) };
}

/** Whether what the record says is in a file of that size, in the time since that start of the machine. */
export function isBorneOut(
  { size, extents, bootId }: PartialRecord,
  found: { fileSize: number; bootId: string },
): boolean {
  const lastPresent = extents.toArray().at(-1)?.end ?? 0;
  const isSince = bootId === undefined || bootId === found.bootId;
  return isSince && lastPresent <= Math.min(found.fileSize, size ?? Infinity);
}

/** A record that is being written; a kill may leave it behind. */
export function partialRecordDraft(path: string): string {
  return `${path}.new`;
}

/** Replaces the record in one step: a kill leaves the old one or the new one. */
export async function writePartialRecord(path: string, record: PartialRecord): Promise<void> {
  const extents = record.extents.toArray().map(({ start, end }) => [start, end]);
  const draft = partialRecordDraft(path);
  await writeFile(draft, JSON.stringify({ ...record, extents }));
  await rename(draft, path);
}

export async function removePartialRecord(path: string): Promise<void> {
  await Promise.all([partialRecordDraft(path), path].map((each) => rm(each, { force: true })));
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return "";
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

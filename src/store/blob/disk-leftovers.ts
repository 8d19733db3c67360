import type { Stats } from "node:fs";
import { lstat, rm } from "node:fs/promises";
import type { Digest } from "../../oci/digest.ts";
import type { Leftover } from "./blob-store.ts";
import { isMissing, toStorageError } from "./disk-errors.ts";
import { DiskLayout } from "./disk-layout.ts";
import { listFiles } from "./disk-listing.ts";
import {
  isBorneOut,
  partialRecordDraft,
  readPartialRecord,
  removePartialRecord,
} from "./partial-record.ts";

/** `st_blocks` counts these, whatever the file system's own blocks are. */
const bytesPerStatBlock = 512;

/** By digest. What goes while they are listed may be missing, or look unsound. Throws StorageError. */
export async function* listPartials(
  layout: DiskLayout,
  bootId: string,
): AsyncGenerator<Leftover, void> {
  for (const digest of await listDigests(layout.partials)) {
    const leftover = await examine(() => examinePartial(layout, digest, bootId));
    if (leftover) yield leftover;
  }
}

/** By digest. Throws StorageError. */
export async function* listQuarantined(layout: DiskLayout): AsyncGenerator<Leftover, void> {
  for (const digest of await listDigests(layout.quarantine)) {
    const leftover = await examine(() => examineQuarantined(layout, digest));
    if (leftover) yield leftover;
  }
}

/** Throws StorageError. */
export async function removeLeftover(
  layout: DiskLayout,
  { kind, digest }: Pick<Leftover, "kind" | "digest">,
): Promise<void> {
  try {
    if (kind === "quarantined") {
      await rm(layout.quarantined(digest), { force: true });
    } else {
      await removePartialRecord(layout.partialRecord(digest));
      await rm(layout.partial(digest), { force: true });
    }
  } catch (error) {
    throw toStorageError(error, `removing a ${kind} blob`);
  }
}

async function listDigests(directory: string): Promise<Digest[]> {
  const names = await listFiles(directory);
  return [...new Set(names.flatMap((name) => DiskLayout.digestOfFlatName(name) ?? []))];
}

async function examine(look: () => Promise<Leftover | undefined>): Promise<Leftover | undefined> {
  try {
    return await look();
  } catch (error) {
    throw toStorageError(error, "examining a leftover");
  }
}

async function examinePartial(
  layout: DiskLayout,
  digest: Digest,
  bootId: string,
): Promise<Leftover | undefined> {
  const recordPath = layout.partialRecord(digest);
  const file = await statFile(layout.partial(digest));
  const recordFile = await statFile(recordPath);
  const draft = await statFile(partialRecordDraft(recordPath));
  const files = [file, recordFile, draft].filter((each) => each !== undefined);
  if (files.length === 0) return undefined;
  const record = recordFile && (await readPartialRecord(recordPath));
  return {
    kind: "partial",
    digest,
    bytes: files.reduce((sum, { blocks }) => sum + blocks * bytesPerStatBlock, 0),
    changedAt: Math.max(...files.map(({ mtimeMs }) => mtimeMs)),
    isSound: file && record ? isBorneOut(record, { fileSize: file.size, bootId }) : false,
  };
}

/** The rename that moved it here set the time of its last change of state. */
async function examineQuarantined(
  layout: DiskLayout,
  digest: Digest,
): Promise<Leftover | undefined> {
  const file = await statFile(layout.quarantined(digest));
  if (!file) return undefined;
  const bytes = file.blocks * bytesPerStatBlock;
  return { kind: "quarantined", digest, bytes, changedAt: file.ctimeMs, isSound: true };
}

/** undefined: there is none, or something that is no file. */
async function statFile(path: string): Promise<Stats | undefined> {
  try {
    const found = await lstat(path);
    return found.isFile() ? found : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

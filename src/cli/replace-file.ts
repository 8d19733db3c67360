import { constants, type Stats } from "node:fs";
import { chown, copyFile, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { FileHandle } from "node:fs/promises";
import { errorCode } from "../config/error-code.ts";

/** Of files that were not there. */
const newFileMode = 0o644;

/**
 * Whoever reads the file meets the old or the new text, never a part, also after a crash. What was
 * there is copied to `backup`, which must not exist; its mode and owner stay. Makes directories.
 */
export async function replaceFile(path: string, text: string, backup: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const before = await statIfThere(path);
  const temporary = `${path}.entrepot-${process.pid}`;
  try {
    await writeDurably(temporary, text, before);
    if (before) await copyWithOwner(path, backup, before);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

async function writeDurably(path: string, text: string, like: Stats | undefined): Promise<void> {
  await using file = await open(path, "wx", like ? 0o600 : newFileMode);
  await file.writeFile(text);
  if (like) {
    await setOwner(file, like);
    await file.chmod(like.mode & 0o7777);
  }
  await file.sync();
}

/** Only root may give files away; whoever owns both has nothing to do. */
async function setOwner(file: FileHandle, { uid, gid }: Stats): Promise<void> {
  const own = await file.stat();
  if (own.uid !== uid || own.gid !== gid) await file.chown(uid, gid);
}

async function copyWithOwner(path: string, copy: string, { uid, gid }: Stats): Promise<void> {
  await copyFile(path, copy, constants.COPYFILE_EXCL);
  const own = await stat(copy);
  if (own.uid !== uid || own.gid !== gid) await chown(copy, uid, gid);
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, "r");
  await directory.sync();
}

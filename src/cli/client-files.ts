import { readFile, realpath } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { errorCode } from "../config/error-code.ts";

/** A file cannot be read or written; the message begins with its path and says what may help. */
export class FileAccessError extends Error {
  override readonly name = "FileAccessError";
}

/**
 * Where a path of a host is whose / is `root`, links followed. Throws FileAccessError where they
 * lead out of `root`, as those of an image would into this host.
 */
export async function locate(root: string, path: string): Promise<string> {
  try {
    const top = await realpath(root);
    const place = await follow(resolve(top, `.${path}`));
    if (!relative(top, place).startsWith("..")) return place;
  } catch (error) {
    if (isAbsent(error)) throw new FileAccessError(`${root} does not exist`, { cause: error });
    throw accessError(join(root, path), "looked at", error);
  }
  throw new FileAccessError(`${join(root, path)}: a link leads out of ${root}; mend it by hand`);
}

/** undefined: there is none. Throws FileAccessError. */
export async function readIfThere(place: string): Promise<string | undefined> {
  try {
    return await readFile(place, "utf8");
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw accessError(place, "read", error);
  }
}

export function accessError(path: string, done: string, error: unknown): FileAccessError {
  const code = errorCode(error);
  const isRights = ["EACCES", "EPERM"].includes(code);
  const hint = isRights ? "; it takes the rights of its owner: try again with sudo" : "";
  return new FileAccessError(`${path}: cannot be ${done} (${code})${hint}`, { cause: error });
}

/** What is not there yet is taken as it is written. */
async function follow(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!isAbsent(error)) throw error;
    return join(await follow(dirname(path)), basename(path));
  }
}

function isAbsent(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes(errorCode(error));
}

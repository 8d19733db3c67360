import { errorCode } from "../network-failure.ts";
import { UpstreamError } from "../upstream.ts";
import { openWithoutWaiting, readAtMost } from "./regular-file.ts";

const maxFileBytes = 64 * 1024;

/**
 * As it is now, without white space around it. `what`, for people: `AWS web identity token`. Throws
 * UpstreamError "credentials"; no part of the content is in the message or the cause.
 */
export async function readSecretFile(path: string, what: string): Promise<string> {
  const text = (await readWhole(path, what))?.trim();
  if (text === undefined) throw trouble(what, `${path} is longer than ${maxFileBytes} bytes`);
  if (text === "") throw trouble(what, `${path} is empty`);
  return text;
}

async function readWhole(path: string, what: string): Promise<string | undefined> {
  try {
    await using file = await openWithoutWaiting(path);
    if ((await file.stat()).isFile()) return await readAtMost(file, maxFileBytes);
  } catch (error) {
    throw trouble(what, `cannot read ${path}: ${errorCode(error)}`, error);
  }
  throw trouble(what, `${path} is no regular file`);
}

function trouble(what: string, reason: string, cause?: unknown): UpstreamError {
  return new UpstreamError("credentials", `${what}: ${reason}`, { cause });
}

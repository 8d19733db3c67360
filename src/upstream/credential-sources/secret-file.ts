import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { errorCode } from "../network-failure.ts";
import { UpstreamError } from "../upstream.ts";

const maxFileBytes = 64 * 1024;

/**
 * As it is now, without white space around it. `what`, for people: `AWS web identity token`. Throws
 * UpstreamError "credentials"; no part of the content is in the message or the cause.
 */
export async function readSecretFile(path: string, what: string): Promise<string> {
  const text = (await readBounded(path, what)).toString().trim();
  if (text === "") throw new UpstreamError("credentials", `${what}: ${path} is empty`);
  return text;
}

async function readBounded(path: string, what: string): Promise<Buffer> {
  const buffer = Buffer.alloc(maxFileBytes + 1);
  let length = 0;
  try {
    // A pipe without a writer would be waited for without an end.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) {
      throw new UpstreamError("credentials", `${what}: ${path} is no regular file`);
    }
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      length += bytesRead;
      if (bytesRead === 0 || length === buffer.length) break;
    }
  } catch (error) {
    if (error instanceof UpstreamError) throw error;
    throw new UpstreamError("credentials", `${what}: cannot read ${path}: ${errorCode(error)}`, {
      cause: error,
    });
  }
  if (length <= maxFileBytes) return buffer.subarray(0, length);
  throw new UpstreamError("credentials", `${what}: ${path} is longer than ${maxFileBytes} bytes`);
}

import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { z } from "zod";
import { errorCode } from "./error-code.ts";
import { text } from "./values.ts";

/** A PEM file, and what is in it. */
interface PemFile {
  /** Absolute. */
  file: string;
  pem: string;
}

/**
 * An absolute path, of a file that is there and not empty. It is read again when it is needed, for
 * secrets change; but one that is missing from the start is a mistake.
 */
export const secretFile = text.transform((path, context) => {
  const secret = readWhole(path, context);
  if (secret !== undefined && secret.trim() === "") context.addIssue("names an empty file");
  return path;
});

export const certificateFile = pemFile(
  isCertificate,
  "names a file that holds no certificate in PEM format",
);

export const privateKeyFile = pemFile(
  isPrivateKey,
  "names a file that holds no private key in PEM format without a password",
);

function pemFile(isGood: (pem: string) => boolean, error: string) {
  return text.transform((file, context): PemFile => {
    const pem = readWhole(file, context);
    if (pem !== undefined && isGood(pem)) return { file, pem };
    if (pem !== undefined) context.addIssue(error);
    return z.NEVER;
  });
}

/**
 * undefined: it cannot be read, which is reported. Not async: upstreams would then be in the order in
 * which their files were read.
 */
function readWhole(path: string, context: z.RefinementCtx): string | undefined {
  try {
    // A pipe without a writer would be waited for without an end.
    if (statSync(path).isFile()) return readFileSync(path, "utf8");
    context.addIssue("names no regular file");
    return undefined;
  } catch (error) {
    context.addIssue(`names a file that cannot be read (${errorCode(error)})`);
    return undefined;
  }
}

/** One or more. */
function isCertificate(pem: string): boolean {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
  return blocks.length > 0 && blocks.every((block) => isReadable(() => new X509Certificate(block)));
}

function isPrivateKey(pem: string): boolean {
  return isReadable(() => createPrivateKey(pem));
}

function isReadable(read: () => unknown): boolean {
  try {
    return read() !== undefined;
  } catch {
    return false;
  }
}

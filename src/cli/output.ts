import type { Writable } from "node:stream";

/** Standard output or standard error, or what stands for them. */
export type OutputStream = Writable & {
  /** Only of terminals. */
  readonly isTTY?: boolean;
  /** Width of the terminal in characters. */
  readonly columns?: number;
};

/** Resolves once it is written, or once nobody reads it any more. */
export async function writeText(stream: OutputStream, text: string): Promise<void> {
  if (stream.destroyed || !stream.writable) return;
  const written = Promise.withResolvers<void>();
  stream.write(text, () => written.resolve());
  await written.promise;
}

export async function writeLine(stream: OutputStream, line: string): Promise<void> {
  await writeText(stream, `${line}\n`);
}

/**
 * One document, readable for people as well, with nothing in it that a terminal obeys. Takes only
 * what survives JSON.
 */
export async function writeJson(stream: OutputStream, value: unknown): Promise<void> {
  const json = JSON.stringify(value, undefined, 2);
  await writeLine(stream, json.replaceAll(/(?!\n)[\p{Cc}\p{Cf}]/gu, escapeForJson));
}

function escapeForJson(character: string): string {
  const units = character.split("");
  return units.map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
}

import { parse, stringify, TomlError, type TomlTable, type TomlValue } from "smol-toml";
import { ClientFileError, unchanged, type Merged } from "./client-setup.ts";

/** Throws ClientFileError. */
export function parseToml(text: string): TomlTable {
  try {
    return parse(text, { integersAsBigInt: true });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The message goes on with lines of the file, which may hold secrets.
    const [problem = ""] = error.message.split("\n");
    throw new ClientFileError(`is not TOML, line ${error.line}: ${problem}`);
  }
}

/**
 * `edit` must leave what it gets as it is, and give back the same again where nothing is missing.
 * `fresh` is the whole file for those who have none: it is taken where it says the same.
 */
export function mergeToml(
  existing: string,
  fresh: string,
  edit: (table: TomlTable) => TomlTable,
): Merged {
  const table = parseToml(existing);
  const edited = format(edit(table));
  if (edited === format(table)) return unchanged(existing);
  const isFresh = edited === format(parseToml(fresh)) && keepsComments(existing, fresh);
  const text = isFresh ? fresh : leadingComments(existing) + edited;
  return { text, losesComments: !keepsComments(existing, text) };
}

/** The table of that key; an empty one where there is none. Throws ClientFileError. */
export function tableAt(table: TomlTable, key: string): TomlTable {
  const value = table[key] ?? {};
  if (isTable(value)) return value;
  throw new ClientFileError(`has a ${key} that is no table`);
}

/** The list of that key; an empty one where there is none. Throws ClientFileError. */
export function listAt(table: TomlTable, key: string): TomlValue[] {
  const value = table[key] ?? [];
  if (Array.isArray(value)) return value;
  throw new ClientFileError(`has a ${key} that is no list`);
}

export function isTable(value: unknown): value is TomlTable {
  const isObject = typeof value === "object" && value !== null;
  return isObject && !Array.isArray(value) && !(value instanceof Date);
}

/** As a TOML string or quoted key. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

/** With whole numbers and fractions as they came. */
function format(table: TomlTable): string {
  return stringify(table, { numbersAsFloat: true });
}

function leadingComments(text: string): string {
  return /^(?:[ \t]*(?:#.*)?\r?\n)*/.exec(text)?.[0] ?? "";
}

function keepsComments(before: string, after: string): boolean {
  const kept = new Set(commentsOf(after));
  return commentsOf(before).every((comment) => kept.has(comment));
}

function commentsOf(text: string): string[] {
  const lines = text.split(/\r?\n/).map((line) => line.replaceAll(strings, ""));
  return lines.flatMap((line) => /#.*/.exec(line)?.[0].trim() ?? []);
}

/** A `#` in one begins no comment. */
const strings = /"(?:[^"\\]|\\.)*"|'[^']*'/g;

import type { ClientName } from "../clients/clients.ts";
import type { ClientSetup } from "../clients/client-setup.ts";
import { writeJson, writeLine, type OutputStream } from "./output.ts";
import type { FoundMirror } from "./setup-mirror.ts";

export interface NamedSetup extends FoundMirror {
  name: ClientName;
  setup: ClientSetup;
}

interface Printing {
  json: boolean;
  stdout: OutputStream;
}

/** What belongs where, as a whole. */
export async function printSetup(named: NamedSetup, { json, stdout }: Printing): Promise<void> {
  const { files, snippets } = named.setup;
  if (json) {
    const printed = files.map(({ path, upstreams, text }) => ({ path, upstreams, text }));
    return writeJson(stdout, describeSetup(named, printed));
  }
  const blocks = [
    ...files.map(({ path, text }) => formatBlock(path, text)),
    ...snippets.map(({ where, text }) => formatBlock(where, text)),
  ];
  const parts = [
    formatHeading(named),
    ...blocks,
    formatThen(named.setup),
    formatNotes(named.setup),
  ];
  await writeLine(stdout, parts.filter((part) => part !== "").join("\n\n"));
}

/** The document of `--json`. */
export function describeSetup({ name, setup, mirror, source }: NamedSetup, files: object[]) {
  const { snippets, afterwards, notes } = setup;
  return { client: name, url: mirror.url, urlFrom: source, files, snippets, afterwards, notes };
}

export function formatHeading({ setup, mirror, source }: NamedSetup): string {
  return `${setup.title}, for the mirror at ${mirror.url} (${source})`;
}

export function formatBlock(where: string, text: string): string {
  return `==> ${where} <==\n${text.trimEnd()}`;
}

export function formatThen({ afterwards }: ClientSetup): string {
  return afterwards.length === 0 ? "" : formatList("Then:", afterwards);
}

export function formatNotes({ notes }: ClientSetup): string {
  return notes.length === 0 ? "" : formatList("Good to know:", notes);
}

function formatList(title: string, lines: readonly string[]): string {
  return [title, ...lines.map((line) => `  ${line}`)].join("\n");
}

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export interface Page {
  /** Relative to the project: `docs/routing.md`. */
  path: string;
  text: string;
}

export interface Snippet {
  /** `docs/routing.md:42` */
  place: string;
  language: string;
  text: string;
}

const project = join(import.meta.dirname, "../../..");

/** README.md and everything below docs/. */
export async function readPages(): Promise<Page[]> {
  const names = await readdir(join(project, "docs"), { recursive: true });
  const paths = names.filter((name) => name.endsWith(".md")).map((name) => join("docs", name));
  return Promise.all(["README.md", ...paths.toSorted()].map(readPage));
}

export async function readPage(path: string): Promise<Page> {
  return { path, text: await readFile(join(project, path), "utf8") };
}

export function findSnippets({ path, text }: Page): Snippet[] {
  const fence = /^```(\w+)\n([^]*?)^```$/gm;
  return [...text.matchAll(fence)].map(({ 1: language = "", 2: body = "", index }) => ({
    place: `${path}:${text.slice(0, index).split("\n").length}`,
    language,
    text: body,
  }));
}

/** Under a heading, up to the next one of any level. Throws Error where there is none such. */
export function findSection({ path, text }: Page, heading: string): string {
  const sections = text.split(/^#+ /m);
  const section = sections.find((each) => each.startsWith(heading));
  if (section === undefined) throw new Error(`${path} has no section ${heading}`);
  return section;
}

/** The first cells of a table's rows, without backticks: those that are code. */
export function findKeys(section: string): string[] {
  return [...section.matchAll(/^\| `([\w.]+)`(?:, `([\w.]+)`)?[^|]*\|/gm)].flatMap(
    ([, first = "", second]) => (second === undefined ? [first] : [first, second]),
  );
}

import { resolve } from "node:path";
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type ParsedNode,
  type YAMLError,
  type YAMLMap,
} from "yaml";
import { Origins, type Place, type Problem } from "./problem.ts";
import { formatPath, pathKeys, type Path } from "./tree.ts";
import { expandVariables } from "./variables.ts";

/** A configuration file as it was written: what it says, where, and what of it cannot be read. */
export interface Document {
  tree: unknown;
  origins: Origins;
  problems: Problem[];
  /** The problems are of YAML itself, so that `tree` means nothing. */
  isBroken: boolean;
}

interface Surroundings {
  env: NodeJS.ProcessEnv;
  /** Absolute; what relative paths in the file are relative to. */
  directory: string;
}

/** Reads one YAML document. A key without a value is as good as one left out. */
export function readDocument(text: string, surroundings: Surroundings): Document {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter,
    prettyErrors: false,
    // DocumentReader finds duplicates: it knows their path.
    uniqueKeys: false,
    stringKeys: true,
    resolveKnownTags: false,
  });
  const reader = new DocumentReader(lineCounter, surroundings);
  const errors = [...document.errors, ...document.warnings];
  for (const { offset, problem } of describeYamlErrors(errors, text))
    reader.report(offset, problem);
  const isBroken = errors.length > 0;
  const tree = isBroken ? undefined : reader.read(document.contents, []);
  return { tree: tree ?? {}, origins: reader.origins, problems: reader.problems, isBroken };
}

class DocumentReader {
  readonly origins = new Origins();
  readonly problems: Problem[] = [];
  readonly #lineCounter: LineCounter;
  readonly #surroundings: Surroundings;

  constructor(lineCounter: LineCounter, surroundings: Surroundings) {
    this.#lineCounter = lineCounter;
    this.#surroundings = surroundings;
  }

  report(offset: number, text: string): void {
    this.problems.push({ place: this.#place(offset), text });
  }

  read(node: ParsedNode | null, path: Path): unknown {
    if (isMap(node)) return this.#readMap(node, path);
    if (isSeq(node)) return node.items.map((entry, index) => this.#readEntry(entry, path, index));
    if (isScalar(node)) return this.#readScalar(node.value, node.range[0], path);
    if (isAlias(node)) this.#reportFaulty(node.range[0], path, aliasProblem);
    return undefined;
  }

  #readMap(map: YAMLMap.Parsed, path: Path): unknown {
    const entries = new Map<string, unknown>();
    for (const { key, value } of map.items) {
      const name = isScalar(key) ? String(key.value) : "";
      const below = [...path, name];
      const offset = key.range[0];
      if (entries.has(name)) {
        this.report(offset, `${formatPath(below)}: is there twice; keep one`);
        continue;
      }
      this.#setOrigin(below, offset, value?.range[0] ?? offset);
      entries.set(name, this.read(value, below));
    }
    return Object.fromEntries(entries);
  }

  #readEntry(node: ParsedNode, path: Path, index: number): unknown {
    const below = [...path, index];
    this.#setOrigin(below, node.range[0], node.range[0]);
    return this.read(node, below) ?? null;
  }

  #readScalar(value: unknown, offset: number, path: Path): unknown {
    if (value === null) return undefined;
    if (typeof value !== "string") return value;
    const { env, directory } = this.#surroundings;
    const { text, isExpanded, problems } = expandVariables(value, env);
    for (const problem of problems) this.#reportFaulty(offset, path, problem);
    const origin = this.origins.find(path);
    if (origin) origin.isExpanded = isExpanded;
    return pathKeys.has(path.at(-1)) && text !== "" ? resolve(directory, text) : text;
  }

  #reportFaulty(offset: number, path: Path, problem: string): void {
    this.report(offset, `${formatPath(path)}: ${problem}`);
    const origin = this.origins.find(path);
    if (origin) origin.isFaulty = true;
  }

  #setOrigin(path: Path, keyOffset: number, valueOffset: number): void {
    const key = this.#place(keyOffset);
    const value = this.#place(valueOffset);
    this.origins.set(path, { key, value, isExpanded: false, isFaulty: false });
  }

  #place(offset: number): Place {
    const { line, col } = this.#lineCounter.linePos(offset);
    return { kind: "file", line, column: col };
  }
}

const aliasProblem = "aliases are not supported; write the value out";

interface YamlProblem {
  offset: number;
  problem: string;
}

/**
 * In words that quote nothing of the file: what does not parse may be part of a password. Of the
 * errors of syntax only the first counts, those after it mostly follow from it.
 */
function describeYamlErrors(errors: YAMLError[], text: string): YamlProblem[] {
  const syntaxError = errors.find(({ code }) => !namedErrors[code]);
  return errors
    .filter((error) => namedErrors[error.code] ?? error === syntaxError)
    .map((error) => ({
      offset: error.pos[0],
      problem: namedErrors[error.code] ?? describeSyntaxError(error, text),
    }));
}

const namedErrors: Partial<Record<YAMLError["code"], string>> = {
  BAD_DIRECTIVE: "directives are not supported",
  BAD_DQ_ESCAPE: "invalid escape sequence; in single quotes a \\ is just that",
  MULTIPLE_DOCS: "a second document begins; only one is allowed",
  TAG_RESOLVE_FAILED: "tags are not supported; quote text that begins with !",
};

function describeSyntaxError({ message, pos: [offset] }: YAMLError, text: string): string {
  return `not YAML: ${message.split(":", 1)[0]}${findSyntaxHint(text, offset)}`;
}

function findSyntaxHint(text: string, offset: number): string {
  if (text.startsWith("${", offset - 1)) return "; within { } and [ ] put quotes around ${NAME}";
  const [lineStart, lineEnd] = [text.lastIndexOf("\n", offset - 1) + 1, text.indexOf("\n", offset)];
  const line = text.slice(lineStart, lineEnd < 0 ? undefined : lineEnd);
  return /(?:^|[\s,[{])\*/.test(line) ? "; put quotes around what begins with *" : "";
}

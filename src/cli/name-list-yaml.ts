import {
  isAlias,
  isDocument,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  visit,
  type Alias,
  type Document,
  type Node,
  type Scalar,
  type YAMLMap,
} from "yaml";

/**
 * Whether text is meant as YAML, or JSON, rather than as names, one a line: it begins with a key,
 * that is with a colon before a space or the line's end, which no name has.
 */
export function isYamlMapping(text: string): boolean {
  const first = text.split(/\r?\n/).find((line) => !/^(?:\s*(?:#.*)?$|---|%)/.test(line)) ?? "";
  return /^\s*\{/.test(first) || /^\s*["']?[\w./-]+["']?\s*:(?:\s|$)/.test(first);
}

/** https://yaml.org/type/merge.html */
const mergeKey = "<<";

/**
 * The documents of a stream, with their places. Aliases are followed one by one and never written
 * out, so that a small file cannot become a large one.
 */
export class NameListYaml {
  readonly problems: { line: number; problem: string }[] = [];
  readonly #lines = new LineCounter();
  readonly #documents: Document[] = [];
  readonly #targets = new Map<Alias, Node>();

  constructor(text: string) {
    try {
      this.#documents = this.#parse(text);
      for (const document of this.#documents) this.#resolveAliases(document);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.problems.push({ line: 1, problem: "is nested too deeply" });
    }
  }

  /** Of all documents that hold something. */
  get roots(): Node[] {
    return this.#documents.flatMap(({ contents }) => (contents ? [contents] : []));
  }

  /** Whether one of the documents has it at its top. */
  hasKey(key: string): boolean {
    return this.roots.some((root) => isMap(root) && root.has(key));
  }

  lineOf(node: Node): number {
    return this.#lines.linePos(node.range?.[0] ?? 0).line;
  }

  /** The node itself, or what it is an alias of. */
  follow(node: unknown): Node | undefined {
    if (isAlias(node)) return this.#targets.get(node);
    return isNode(node) ? node : undefined;
  }

  /** A value of a map, also one that is merged into it (`<<: *common`). */
  find(map: YAMLMap, key: string): Node | undefined {
    for (const source of this.#withMerged(map)) {
      const pair = source.items.find((each) => keyOf(each.key) === key);
      if (pair) return this.follow(pair.value);
    }
    return undefined;
  }

  /** The values of a map by their keys, its own first, then those that are merged into it. */
  entriesOf(map: YAMLMap): Map<string, Node> {
    const entries = new Map<string, Node>();
    for (const source of this.#withMerged(map)) {
      for (const pair of source.items) {
        const key = keyOf(pair.key) ?? String(pair.key);
        const value = this.follow(pair.value);
        if (key !== mergeKey && value && !entries.has(key)) entries.set(key, value);
      }
    }
    return entries;
  }

  /** The values of a list; of anything else none. */
  listValues(node: Node | undefined): Node[] {
    return isSeq(node) ? node.items.flatMap((value) => this.follow(value) ?? []) : [];
  }

  /** The map itself, and behind it those merged into it, each once: what comes first wins. */
  #withMerged(map: YAMLMap): Set<YAMLMap> {
    const found = new Set<YAMLMap>();
    // No recursion, as a file may nest them deeper than calls can be.
    const waiting = [map];
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      if (found.has(next)) continue;
      found.add(next);
      waiting.push(...this.#mergedInto(next).toReversed());
    }
    return found;
  }

  #mergedInto(map: YAMLMap): YAMLMap[] {
    const merges = map.items.filter((pair) => keyOf(pair.key) === mergeKey);
    return merges.flatMap((pair) => {
      const merged = this.follow(pair.value);
      return isMap(merged) ? [merged] : this.listValues(merged).filter(isMap);
    });
  }

  #parse(text: string): Document[] {
    const parsed = parseAllDocuments(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      // The check compares each key with all before it.
      uniqueKeys: false,
    });
    const documents: Document[] = Array.isArray(parsed) ? parsed.filter(isDocument) : [];
    const error = documents.flatMap(({ errors }) => errors).at(0);
    if (error) {
      const { line } = this.#lines.linePos(error.pos[0]);
      this.problems.push({ line, problem: `not YAML: ${error.message.split("\n", 1)[0]}` });
    }
    return documents;
  }

  /** An alias stands for the last node of that anchor before it. */
  #resolveAliases(document: Document): void {
    const anchored = new Map<string, Node>();
    visit(document, {
      Node: (_, node) => {
        if (isAlias(node)) {
          const target = anchored.get(node.source);
          if (target) this.#targets.set(node, target);
        } else if (node.anchor !== undefined) anchored.set(node.anchor, node);
      },
    });
  }
}

/** Of a map's pair; undefined: it is not text. */
export function keyOf(key: unknown): string | undefined {
  return isScalar(key) && typeof key.value === "string" ? key.value : undefined;
}

export function isText(node: Node | undefined): node is Scalar<string> {
  return isScalar(node) && typeof node.value === "string";
}

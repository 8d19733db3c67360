/** What a glob is made of: one character, or a wildcard. */
type Part =
  | { kind: "character"; character: string }
  /** `?`: one character other than a slash. */
  | { kind: "one" }
  /** `*`: any characters other than slashes, or none. */
  | { kind: "some" }
  /** `**`: any characters, or none. */
  | { kind: "all" }
  /** `**` and a slash where a component begins: any number of whole components, or none. */
  | { kind: "components" };

/** How far a text has got: the parts that its next character may be of. */
type Progress = ReadonlySet<number>;

/**
 * `*` matches any characters within a component, `**` across components, `?` one character within
 * a component. A `**` that is a component of its own matches any number of components: between two
 * slashes it and they may also match one slash.
 *
 * All ways to match are followed at once, so the time is that of the text's length times the
 * glob's, whatever a client asks for; a regular expression would try them one after the other.
 */
export class Glob {
  readonly #parts: Part[];

  constructor(text: string) {
    this.#parts = parseParts(text);
  }

  matches(text: string): boolean {
    return this.#advance(text).has(this.#parts.length);
  }

  /** Whether it matches some longer text that begins with this one. */
  matchesBeyond(beginning: string): boolean {
    return [...this.#advance(beginning)].some((index) => index < this.#parts.length);
  }

  #advance(text: string): Progress {
    let progress: Progress = this.#enter(new Set(), 0);
    for (const character of text) {
      if (progress.size === 0) break;
      progress = this.#take(progress, character);
    }
    return progress;
  }

  #take(progress: Progress, character: string): Progress {
    const next = new Set<number>();
    for (const index of progress) {
      const part = this.#parts[index];
      if (!part || !accepts(part, character)) continue;
      if (isRepeating(part)) next.add(index);
      if (mayEndWith(part, character)) this.#enter(next, index + 1);
    }
    return next;
  }

  /** Adds a part, and those behind it if it may stand for nothing. */
  #enter(progress: Set<number>, index: number): Set<number> {
    progress.add(index);
    const part = this.#parts[index];
    return part && isRepeating(part) ? this.#enter(progress, index + 1) : progress;
  }
}

function parseParts(text: string): Part[] {
  const found = text.matchAll(/(?<=^|\/)\*\*\/|\*\*|[^]/g);
  return Array.from(found, ([written]) => toPart(written));
}

function toPart(written: string): Part {
  if (written === "**/") return { kind: "components" };
  if (written === "**") return { kind: "all" };
  if (written === "*") return { kind: "some" };
  return written === "?" ? { kind: "one" } : { kind: "character", character: written };
}

function accepts(part: Part, character: string): boolean {
  if (part.kind === "character") return part.character === character;
  return part.kind === "all" || part.kind === "components" || character !== "/";
}

function isRepeating({ kind }: Part): boolean {
  return kind === "some" || kind === "all" || kind === "components";
}

function mayEndWith({ kind }: Part, character: string): boolean {
  return kind !== "components" || character === "/";
}

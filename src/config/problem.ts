import { formatPath, type Path } from "./tree.ts";

/** Where a setting was written: in the file, counted from 1, or in an environment variable. */
export type Place =
  { kind: "file"; line: number; column: number } | { kind: "environment"; name: string };

export interface Problem {
  place: Place;
  text: string;
}

/** Where a key and its value are, and what must not be done with the value. */
export interface Origin {
  key: Place;
  value: Place;
  /** The value came out of a variable, which may be a secret: never show it. */
  isExpanded: boolean;
  /** A problem of the value is known already; further ones would only follow from it. */
  isFaulty: boolean;
}

/** Where everything in a tree comes from. */
export class Origins {
  readonly #byPath = new Map<string, Origin>();

  set(path: Path, origin: Origin): void {
    this.#byPath.set(formatPath(path), origin);
  }

  /** Of something else than what was there: what was below that is gone. */
  replace(path: Path, origin: Origin): void {
    const gone = formatPath(path);
    const below = [...this.#byPath.keys()].filter((key) => /^[.[]/.test(key.slice(gone.length)));
    for (const key of below) if (key.startsWith(gone)) this.#byPath.delete(key);
    this.set(path, origin);
  }

  find(path: Path): Origin | undefined {
    return this.#byPath.get(formatPath(path));
  }

  /** Of the setting itself or, where it is not written down, of what it would belong to. */
  findNearest(path: Path): Origin | undefined {
    for (let length = path.length; length > 0; length--) {
      const origin = this.find(path.slice(0, length));
      if (origin) return origin;
    }
    return undefined;
  }
}

/** In the order of the file; the environment's last. */
export function formatProblems(file: string, problems: Problem[]): string[] {
  return problems
    .toSorted((a, b) => rank(a.place) - rank(b.place))
    .map(({ place, text }) => `${formatPlace(file, place)}: ${text}`);
}

function formatPlace(file: string, place: Place): string {
  return place.kind === "file"
    ? `${file}:${place.line}:${place.column}`
    : `environment: ${place.name}`;
}

function rank(place: Place): number {
  return place.kind === "file" ? place.line * 10_000 + place.column : Infinity;
}

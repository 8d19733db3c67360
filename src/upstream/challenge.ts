/** One way to authenticate that a server offers. Scheme and parameter names are in lower case. */
export interface Challenge {
  scheme: string;
  parameters: ReadonlyMap<string, string>;
}

const separators = /[\s,]*/y;
const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const equals = /[ \t]*=[ \t]*/y;
const quoted = /"((?:[^"\\]|\\.)*)"/sy;
/** Laxer than a token: some servers send URLs without quotes. */
const unquoted = /[^\s,]*/y;
const token68 = /[ \t]+[0-9A-Za-z._~+/-]+=*(?=[ \t]*(?:,|$))/y;

/**
 * Reads `WWW-Authenticate` as https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1 has it: several
 * header lines, several challenges a line, parameters quoted or not. What makes no sense is skipped.
 */
export function parseChallenges(header: string | string[] | undefined): Challenge[] {
  return [header ?? []].flat().flatMap(parseLine);
}

function parseLine(line: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const reader = new Reader(line);
  while (!reader.isAtEnd()) {
    reader.take(separators);
    const name = reader.take(token)?.[0].toLowerCase();
    if (name === undefined) reader.skip();
    else if (reader.take(equals)) setOnce(challenges.at(-1)?.parameters, name, readValue(reader));
    else {
      challenges.push({ scheme: name, parameters: new Map() });
      reader.take(token68);
    }
  }
  return challenges;
}

function readValue(reader: Reader): string {
  const text = reader.take(quoted)?.[1];
  if (text !== undefined) return text.replaceAll(/\\(.)/gs, "$1");
  return reader.take(unquoted)?.[0] ?? "";
}

/** The first of two equal names counts, so that nothing appended to a line can replace a realm. */
function setOnce(parameters: Map<string, string> | undefined, name: string, value: string): void {
  if (parameters && !parameters.has(name)) parameters.set(name, value);
}

class Reader {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isAtEnd(): boolean {
    return this.#position >= this.#text.length;
  }

  /** What a sticky pattern finds right here, or undefined, having gone no further. */
  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text);
    if (!match) return undefined;
    this.#position = pattern.lastIndex;
    return match;
  }

  skip(): void {
    this.#position += 1;
  }
}

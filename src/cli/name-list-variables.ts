interface ExpandedText {
  text: string;
  /** Variables that stand for nothing, as they are not set and have no default. */
  unset: string[];
  problem?: string;
}

/** Defaults may hold variables in turn; nobody writes more than a few into each other. */
const maxDepth = 8;

const expression = /^([A-Za-z_]\w*)(?:(:?[-?+])([^]*))?$/;

/**
 * Replaces `$NAME`, `${NAME}`, and with `:` also where it is empty: `${NAME:-default}`,
 * `${NAME:?message}`, `${NAME:+instead}`; `$$` is a `$`.
 * https://docs.docker.com/reference/compose-file/interpolation/
 */
export function expandComposeText(text: string, env: NodeJS.Dict<string>): ExpandedText {
  const expander = new Expander(env);
  const expanded = expander.expand(text, 1);
  const { problem } = expander;
  return { text: expanded, unset: [...expander.unset], ...(problem !== undefined && { problem }) };
}

class Expander {
  readonly unset = new Set<string>();
  /** The first one. */
  problem: string | undefined;
  readonly #env: NodeJS.Dict<string>;

  constructor(env: NodeJS.Dict<string>) {
    this.#env = env;
  }

  expand(text: string, depth: number): string {
    let expanded = "";
    let position = 0;
    while (position < text.length) {
      const dollar = text.indexOf("$", position);
      if (dollar < 0) return expanded + text.slice(position);
      expanded += text.slice(position, dollar);
      const { value, end } = this.#expandAt(text, dollar, depth);
      expanded += value;
      position = end;
    }
    return expanded;
  }

  #expandAt(text: string, dollar: number, depth: number): { value: string; end: number } {
    const next = text[dollar + 1];
    if (next === "$") return { value: "$", end: dollar + 2 };
    if (next === "{") {
      const close = findClose(text, dollar + 2);
      if (close < 0) return this.#fail("has a ${ without a }", text.length);
      return { value: this.#evaluate(text.slice(dollar + 2, close), depth), end: close + 1 };
    }
    const [name] = /^[A-Za-z_]\w*/.exec(text.slice(dollar + 1)) ?? [];
    if (name === undefined)
      return this.#fail("has a $ that begins no variable; write $$", text.length);
    return { value: this.#lookUp(name), end: dollar + 1 + name.length };
  }

  #evaluate(inner: string, depth: number): string {
    const [, name, operator, word = ""] = expression.exec(inner) ?? [];
    if (name === undefined) return this.#fail("has a malformed variable; write ${NAME}", 0).value;
    if (operator === undefined) return this.#lookUp(name);
    if (depth > maxDepth) return this.#fail("has too many variables within others", 0).value;
    const value = this.#env[name];
    const isThere = operator.startsWith(":") ? Boolean(value) : value !== undefined;
    const kind = operator.at(-1);
    if (kind === "+") return isThere ? this.expand(word, depth + 1) : "";
    if (value !== undefined && isThere) return value;
    if (kind === "-") return this.expand(word, depth + 1);
    return this.#fail(describeUnset(name, word), 0).value;
  }

  #lookUp(name: string): string {
    const value = this.#env[name];
    if (value === undefined) this.unset.add(name);
    return value ?? "";
  }

  #fail(problem: string, end: number): { value: string; end: number } {
    this.problem ??= problem;
    return { value: "", end };
  }
}

/** The } that belongs to a ${ whose inside begins at `start`; -1: there is none. */
function findClose(text: string, start: number): number {
  let open = 1;
  for (let position = start; position < text.length; position += 1) {
    if (text.startsWith("${", position)) open += 1;
    else if (text[position] === "}") open -= 1;
    if (open === 0) return position;
  }
  return -1;
}

function describeUnset(name: string, message: string): string {
  return message === "" ? `${name} is not set` : `${name} is not set: ${message}`;
}

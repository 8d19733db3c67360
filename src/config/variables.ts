export interface Expansion {
  text: string;
  /** Something of the environment, or a default, is in it. */
  isExpanded: boolean;
  problems: string[];
}

const reference = /\$(\$?)\{([^}]*)(\}?)/g;

/**
 * Replaces `${NAME}` and `${NAME:-default}`; the default also stands in for an empty variable, as
 * in a shell. `$${` is a literal `${`. Problems quote names only, for the rest may be a secret.
 */
export function expandVariables(text: string, env: NodeJS.ProcessEnv): Expansion {
  const problems: string[] = [];
  let isExpanded = false;
  const expanded = text.replace(reference, (whole: string, escape: string, ...parts: string[]) => {
    if (escape) return whole.slice(1);
    isExpanded = true;
    const [inner = "", end] = parts;
    const value = end ? resolveReference(inner, env) : unfinished;
    if (typeof value === "string") return value;
    problems.push(value.problem);
    return whole;
  });
  return { text: expanded, isExpanded, problems };
}

const unfinished = { problem: "has a ${ without a }; write ${NAME}, or $${ for a plain ${" };

function resolveReference(inner: string, env: NodeJS.ProcessEnv): string | { problem: string } {
  const match = /^([A-Za-z_]\w*)(?::-([^]*))?$/.exec(inner);
  if (!match) {
    return { problem: "has a malformed variable; write ${NAME} or ${NAME:-default}" };
  }
  const [, name = "", substitute] = match;
  const value = env[name];
  if (substitute !== undefined) return value || substitute;
  return value ?? { problem: `\${${name}} is not set; set it, or write \${${name}:-default}` };
}

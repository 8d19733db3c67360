/** Settings as somebody wrote them, before they are checked. */
export interface Tree {
  [key: string]: unknown;
}

export type Path = readonly PropertyKey[];

/** Keys whose relative values are made absolute where they are read: file and environment have different bases. */
export const pathKeys: ReadonlySet<PropertyKey | undefined> = new Set([
  "path",
  "passwordFile",
  "tokenFile",
  "dockerConfig",
  "secretAccessKeyFile",
  "credentialsFile",
  "clientSecretFile",
  "caFile",
  "certFile",
  "keyFile",
]);

/** In the place of secrets, where settings are shown. */
export const mask = "***";

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function valueAt(tree: unknown, path: Path): unknown {
  let value = tree;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Object.entries(value).find(([name]) => name === String(key))?.[1];
  }
  return value;
}

/** Adds the mappings that are missing on the way. false: something that is no mapping is in the way. */
export function setValueAt(tree: Tree, path: readonly string[], value: unknown): boolean {
  const [key = "", ...rest] = path;
  if (rest.length === 0) {
    tree[key] = value;
    return true;
  }
  const below = tree[key] ?? {};
  if (!isTree(below)) return false;
  tree[key] = below;
  return setValueAt(below, rest, value);
}

/** `upstreams.docker.io.endpoints[1]`; keys that would confuse are quoted. */
export function formatPath(path: Path): string {
  return path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${formatKey(String(key))}`))
    .join("")
    .replace(/^\./, "");
}

function formatKey(key: string): string {
  return /^[\w.:-]+$/.test(key) ? key : JSON.stringify(key);
}

export function withoutAbsent(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).filter(([, value]) => value !== undefined));
}

import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Document } from "./document.ts";
import type { Place, Problem } from "./problem.ts";
import type { Setting } from "./settings.ts";
import { findNearest } from "./suggestion.ts";
import { formatPath, isTree, pathKeys, setValueAt, valueAt, type Tree } from "./tree.ts";

const prefix = "ENTREPOT_";

/** `["tags", "revalidateAfter"]` → `ENTREPOT_TAGS_REVALIDATE_AFTER`. */
export function variableName(path: readonly string[]): string {
  const words = path.map((key) => key.replaceAll(/(?<=[a-z])(?=[A-Z])|[^a-zA-Z0-9]/g, "_"));
  return prefix + words.join("_").toUpperCase();
}

/**
 * Lets variables of the environment replace what the file says. An empty one counts as not set;
 * relative paths are relative to the working directory.
 */
export function applyEnvironment(
  document: Document,
  settings: Setting[],
  env: NodeJS.ProcessEnv,
): void {
  for (const [name, [setting, other]] of byVariable(settings)) {
    const value = env[name];
    if (!value || !setting) continue;
    if (other) document.problems.push(describeAmbiguity(name, setting, other));
    else applyVariable(document, setting, { name, value, settings });
  }
}

function byVariable(settings: Setting[]): Map<string, Setting[]> {
  return Map.groupBy(settings, ({ path }) => variableName(path));
}

/** Of two upstreams one would get what is meant for the other, perhaps a password. */
function describeAmbiguity(name: string, { path }: Setting, other: Setting): Problem {
  const meanings = `${formatPath(path)} and ${formatPath(other.path)}`;
  return {
    place: { kind: "environment", name },
    text: `could mean ${meanings}; write it in the file`,
  };
}

function applyVariable(
  { tree, origins }: Document,
  { path, isList }: Setting,
  { name, value, settings }: { name: string; value: string; settings: Setting[] },
): void {
  if (!isTree(tree)) return;
  writeOut(tree, path, settings);
  if (!setValueAt(tree, path, isList ? splitList(value) : atWorkingDirectory(path, value))) return;
  const place: Place = { kind: "environment", name };
  origins.replace(path, { key: place, value: place, isExpanded: false, isFaulty: false });
}

/** Where a scalar is short for the mapping that a key belongs to, that mapping takes its place. */
function writeOut(tree: Tree, path: string[], settings: Setting[]): void {
  const parent = path.slice(0, -1);
  const short = valueAt(tree, parent);
  const isShort = settings.some((setting) => isDeepStrictEqual(setting.path, parent));
  if (!isShort || short === undefined || isTree(short)) return;
  const siblings = settings.filter(
    (setting) =>
      setting.path.length === path.length && isDeepStrictEqual(setting.path.slice(0, -1), parent),
  );
  const keys = siblings.map((setting) => setting.path.at(-1) ?? "");
  setValueAt(tree, parent, Object.fromEntries(keys.map((key) => [key, short])));
}

/** One warning for each variable that looks like a setting and is none. */
export function findUnknownVariables(settings: Setting[], env: NodeJS.ProcessEnv): string[] {
  const known = new Set(settings.map(({ path }) => variableName(path)));
  return Object.entries(env)
    .filter(([name]) => name.startsWith(prefix) && !known.has(name))
    .filter(([name, value = ""]) => !isKubernetesVariable(name, value))
    .map(([name]) => {
      const nearest = findNearest(name, known);
      const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
      return `environment: ${name}: sets nothing, there is no such setting${hint}`;
    });
}

function splitList(value: string): string[] {
  return value
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

function atWorkingDirectory(path: string[], value: string): string {
  return pathKeys.has(path.at(-1)) ? resolve(value) : value;
}

/**
 * Kubernetes puts these into every pod beside a service named `entrepot` or `entrepot-…`.
 * https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 */
function isKubernetesVariable(name: string, value: string): boolean {
  const isPort = name.endsWith("_PORT") && /^(?:tcp|udp|sctp):\/\//.test(value);
  return isPort || kubernetesNames.test(name);
}

const kubernetesNames =
  /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/;

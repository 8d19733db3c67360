import { resolve } from "node:path";
import type { Document } from "./document.ts";
import type { Place } from "./problem.ts";
import type { Setting } from "./settings.ts";
import { findNearest } from "./suggestion.ts";
import { isTree, pathKeys, setValueAt } from "./tree.ts";

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
  { tree, origins }: Document,
  settings: Setting[],
  env: NodeJS.ProcessEnv,
): void {
  for (const { path, isList } of settings) {
    const name = variableName(path);
    const value = env[name];
    if (!value || !isTree(tree)) continue;
    const place: Place = { kind: "environment", name };
    if (!setValueAt(tree, path, isList ? splitList(value) : atWorkingDirectory(path, value)))
      continue;
    origins.set(path, { key: place, value: place, isExpanded: false, isFaulty: false });
  }
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

import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { ConfigError } from "./config-error.ts";
import type { Config, EndpointConfig } from "./config.ts";
import { readDocument, type Document } from "./document.ts";
import { applyEnvironment, findUnknownVariables } from "./environment.ts";
import { errorCode } from "./error-code.ts";
import { describeIssues } from "./issues.ts";
import { formatProblems } from "./problem.ts";
import { readProxyEnvironment } from "./proxy-environment.ts";
import { findIdleRules } from "./rule-warnings.ts";
import { configSchema, defaultUpstreamHost } from "./schema.ts";
import { listSettings, type Setting } from "./settings.ts";
import { toConfig } from "./to-config.ts";
import { isTree, setValueAt, valueAt, type Path, type Tree } from "./tree.ts";
import { registryHost } from "./values.ts";

interface ConfigSource {
  file: string;
  env: NodeJS.ProcessEnv;
}

/**
 * File, variables in it, overrides from the environment, defaults, checks: in this order.
 * Throws ConfigError with all that is wrong.
 */
export async function loadConfig({
  file,
  env,
}: ConfigSource): Promise<{ config: Config; warnings: string[] }> {
  const directory = dirname(resolve(file));
  const document = readDocument(await readText(file), { env, directory });
  if (document.isBroken) throw new ConfigError(formatProblems(file, document.problems));
  const settings = complete(document, env, directory);
  const result = configSchema.safeParse(document.tree);
  const proxies = readProxyEnvironment(env);
  const problems = [
    ...document.problems,
    ...describeIssues(result.error?.issues ?? [], document),
    ...proxies.problems,
  ];
  if (!result.data || problems.length > 0) throw new ConfigError(formatProblems(file, problems));
  const placeOf = (path: Path) => formatPlaceOf(file, document, path);
  const config = toConfig(result.data, { placeOf, proxies: proxies.environment });
  const warnings = [
    ...findUnknownVariables(settings, env),
    ...proxies.warnings,
    ...findExposed(config),
    ...findIdleRules(config),
  ];
  return { config, warnings };
}

/** Adds what the environment says, and the defaults that depend on something else. */
function complete(document: Document, env: NodeJS.ProcessEnv, directory: string): Setting[] {
  const { tree } = document;
  applyEnvironment(document, listSettings([]), env);
  if (isTree(tree)) addDefaults(tree, directory);
  const upstreams = valueAt(tree, ["upstreams"]);
  const settings = listSettings(isTree(upstreams) ? Object.keys(upstreams) : []);
  applyEnvironment(document, settings, env);
  return settings;
}

function addDefaults(tree: Tree, directory: string): void {
  if (valueAt(tree, ["storage", "path"]) === undefined) {
    setValueAt(tree, ["storage", "path"], resolve(directory, "data"));
  }
  const upstreams = tree["upstreams"] ?? {};
  if (isTree(upstreams) && Object.keys(upstreams).length === 0) {
    const host = registryHost.safeParse(tree["defaultUpstream"]);
    tree["upstreams"] = { [host.data ?? defaultUpstreamHost]: {} };
  }
}

/** `mirror.config.yaml:12`, or the variable's name. */
function formatPlaceOf(file: string, { origins }: Document, path: Path): string {
  const place = origins.findNearest(path)?.key;
  if (place?.kind === "environment") return place.name;
  return place ? `${file}:${place.line}` : file;
}

/** Credentials that anybody on the way can read. Endpoints for content only never get any. */
function findExposed({ upstreams }: Config): string[] {
  return [...upstreams]
    .filter(([, { accounts }]) => accounts.length > 0)
    .filter(([, { endpoints }]) => endpoints.some(isExposed))
    .map(([host]) => `upstreams.${host}: credentials are sent over http without encryption`);
}

function isExposed({ url, trust }: EndpointConfig): boolean {
  return trust === "full" && url.startsWith("http:");
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const code = errorCode(error);
    const reason =
      code === "ENOENT"
        ? "there is no such file; name one with --config FILE"
        : `cannot be read (${code})`;
    throw new ConfigError([`${file}: ${reason}`]);
  }
}

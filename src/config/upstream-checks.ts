import type { z } from "zod";
import { dockerHub } from "../oci/docker-hub.ts";
import { isHostPattern } from "../oci/host-patterns.ts";
import { findPatternProblem } from "../oci/name-pattern.ts";
import { checkAccounts } from "./account-checks.ts";
import { findHostPatternProblem } from "./host-pattern.ts";
import { isTree, type Path, type Tree } from "./tree.ts";
import { checkDefault, checkNames } from "./upstream-conflicts.ts";
import { registryHost } from "./values.ts";

/** `path` is within the upstream. */
type Report = (path: Path, message: string) => void;

/** What only shows when settings are seen together. */
export function checkUpstreams(value: unknown, context: z.RefinementCtx): void {
  if (!isTree(value) || !isTree(value["upstreams"])) return;
  const upstreams = new Map(Object.entries(value["upstreams"]));
  const reportAt = (path: Path, message: string) =>
    context.addIssue({ code: "custom", path: ["upstreams", ...path], message });
  for (const [host, settings] of upstreams) {
    const problem = findHostProblem(host);
    if (problem !== undefined) reportAt([host], problem);
    if (isTree(settings)) {
      checkUpstream(host, settings, (path, message) => reportAt([host, ...path], message));
    }
  }
  checkNames(upstreams, reportAt);
  const chosen = value["defaultUpstream"];
  const hosts = [...upstreams.keys()];
  const isSound = [...hosts, chosen].every((host) => findHostProblem(host) === undefined);
  if (isSound) checkDefault(hosts, String(chosen), reportAt);
}

/** As a sentence that begins with the host; undefined: nothing. */
function findHostProblem(host: unknown): string | undefined {
  if (typeof host === "string" && host.includes("*")) return findHostPatternProblem(host);
  return registryHost.safeParse(host).error?.issues[0]?.message;
}

function checkUpstream(host: string, settings: Tree, report: Report): void {
  if (isHostPattern(host)) checkPattern(settings, report);
  else checkAllowAddresses(settings, report);
  checkEndpoints(settings, report);
  checkAccounts(host, settings, report);
  for (const key of ["allow", "deny"]) checkNamePatterns(host, key, settings[key], report);
}

/** What is of one registry only. */
function checkPattern(settings: Tree, report: Report): void {
  const message = "is not possible for a pattern; leave it out, or write it at one host";
  for (const key of ["endpoints", "prefix", "hosts"]) {
    const value = settings[key];
    const isGiven = value !== undefined && !(Array.isArray(value) && value.length === 0);
    if (isGiven) report([key], message);
  }
}

function checkAllowAddresses({ allowAddresses }: Tree, report: Report): void {
  if (!Array.isArray(allowAddresses) || allowAddresses.length === 0) return;
  const message = "is only for patterns; what is named may be at any address, so leave it out";
  report(["allowAddresses"], message);
}

function checkEndpoints({ endpoints }: Tree, report: Report): void {
  if (!Array.isArray(endpoints) || endpoints.length === 0) return;
  const written = endpoints.map((entry: unknown) => (isTree(entry) ? entry : {}));
  const urls = written.map(({ url }) => url);
  for (const [index, url] of urls.entries()) {
    const isRepeated = url !== undefined && urls.indexOf(url) < index;
    if (isRepeated) report(["endpoints", index], "is there twice; keep one");
  }
  if (written.every(({ trust }) => trust === "content")) {
    report(["endpoints"], "need one or more with trust: full, which are asked for tags");
  }
}

/** Patterns that are sound but can match nothing, so that a denial would not hold. */
function checkNamePatterns(host: string, key: string, patterns: unknown, report: Report): void {
  for (const [index, pattern] of Array.isArray(patterns) ? patterns.entries() : []) {
    if (typeof pattern !== "string") continue;
    const problem = findIdlePatternProblem(host, pattern);
    if (problem !== undefined) report([key, index], problem);
  }
}

function findIdlePatternProblem(host: string, pattern: string): string | undefined {
  if (findPatternProblem(`${host}/${pattern}`) !== undefined) return undefined;
  if (!isHostPattern(host) && pattern.startsWith(`${host}/`)) {
    return `begins with the registry, which goes without saying; leave out ${host}/`;
  }
  if (host !== dockerHub || pattern.includes("/") || pattern.includes("**")) return undefined;
  return "matches nothing, for names at Docker Hub have two components or more; write one such as library/node or **";
}

import type { z } from "zod";
import type { Document } from "./document.ts";
import type { Origin, Place, Problem } from "./problem.ts";
import { findKnownKeys, listSettings } from "./settings.ts";
import { findNearest } from "./suggestion.ts";
import { formatPath, isTree, valueAt, type Path } from "./tree.ts";

type Issue = z.core.$ZodIssue;

/** What the schema found wrong, in words and with places. */
export function describeIssues(issues: Issue[], document: Document): Problem[] {
  const flat = issues.flatMap((issue) => flatten(issue, document));
  return flat.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => describeUnknownKey([...issue.path, key], document))
      : describeValue(issue, document),
  );
}

/**
 * Unions are of a scalar, which is short for a mapping, and that mapping: what is written tells which
 * of them was meant, and so what is wrong.
 */
function flatten(issue: Issue, document: Document): Issue[] {
  if (issue.code !== "invalid_union") return [issue];
  const [short = [], long = []] = issue.errors;
  const meant = isTree(valueAt(document.tree, issue.path)) ? long : short;
  return meant.flatMap((inner) =>
    flatten({ ...inner, path: [...issue.path, ...inner.path] }, document),
  );
}

function describeUnknownKey(path: Path, { origins }: Document): Problem {
  const key = String(path.at(-1));
  const known = findKnownKeys(path.slice(0, -1)) ?? [];
  const nearest = findNearest(key, known) ?? findElsewhere(key);
  const hint =
    nearest === undefined ? `known here: ${known.join(", ")}` : `did you mean ${nearest}?`;
  return problem(origins.findNearest(path)?.key, path, `unknown key; ${hint}`);
}

/** A key that is right but stands at the wrong depth. */
function findElsewhere(key: string): string | undefined {
  const setting = listSettings(["HOST"]).find(({ path }) => path.at(-1) === key);
  return setting && formatPath(setting.path);
}

function describeValue(issue: Issue, { tree, origins }: Document): Problem[] {
  if (origins.find(issue.path)?.isFaulty) return [];
  const value = valueAt(tree, issue.path);
  const origin = origins.findNearest(issue.path);
  const place = value === undefined || isTree(value) ? origin?.key : origin?.value;
  const mistake =
    describeShape(issue, value) ?? showValue(value, issue.path, origin) + issue.message;
  return [problem(place, issue.path, mistake)];
}

/** A mistake that has nothing to do with what the value says. */
function describeShape(issue: Issue, value: unknown): string | undefined {
  if (issue.code !== "invalid_type") return undefined;
  if (value === undefined) return "is missing";
  if (issue.expected === "array")
    return "is not a list; write [a, b], or one entry a line, each after a -";
  const isMapping = issue.expected === "object" || issue.expected === "record";
  return isMapping ? "is not a mapping; write its keys below it, indented" : undefined;
}

const secretKeys: ReadonlySet<PropertyKey> = new Set(["credentials", "accounts", "proxy"]);

/**
 * The subject of the message, unless that is about the key. Nothing that is, or may hold, a secret:
 * users and queries of URLs are among those.
 */
function showValue(value: unknown, path: Path, origin: Origin | undefined): string {
  if (value === undefined || (typeof value === "object" && value !== null)) return "";
  const shown = JSON.stringify(value);
  const isSecret = origin?.isExpanded === true || path.some((key) => secretKeys.has(key));
  return isSecret || shown.length > 100 || /[@?]/.test(shown) ? "the value " : `${shown} `;
}

function problem(place: Place | undefined, path: Path, text: string): Problem {
  const subject = path.length === 0 ? "" : `${formatPath(path)}: `;
  return { place: place ?? { kind: "file", line: 1, column: 1 }, text: subject + text };
}

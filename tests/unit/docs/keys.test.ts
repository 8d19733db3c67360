import { describe, expect, test } from "@jest/globals";
import { findKnownKeys } from "../../../src/config/settings.ts";
import { findKeys, findSection, findSnippets, readPage } from "./markdown.ts";

const page = await readPage("docs/configuration.md");
const upstream = ["upstreams", "docker.io"];
const credentials = [...upstream, "credentials"];

/** Of `tls.caFile` the first one. */
const egressRows = findKeys(findSection(page, "Ways out"));
const egressKeys = [...new Set(egressRows.map((row) => row.replace(/\..*/, "")))];

function knownKeys(path: string[]): string[] {
  return findKnownKeys(path)?.toSorted() ?? [];
}

describe("docs/configuration.md", () => {
  test.each([
    ["server", ["server"]],
    ["log", ["log"]],
    ["storage", ["storage"]],
    ["scrub", ["scrub"]],
    ["tags", ["tags"]],
    ["rules", ["rules", "0"]],
    ["prefetch", ["prefetch"]],
  ])("has each key of %s, and no other", (section, path) => {
    const documented = findKeys(findSection(page, `\`${section}\``)).filter(
      (key) => !isPattern(key),
    );
    expect(documented.toSorted()).toEqual(knownKeys(path));
  });

  test("has a place for each key at the top", () => {
    const [text = ""] = findSnippets(page)
      .map((snippet) => snippet.text)
      .slice(1);
    const written = [...text.matchAll(/^(\w+):/gm)].map(([, key = ""]) => key);
    expect(written.toSorted()).toEqual(knownKeys([]));
  });

  test("has each key of an upstream, and no other", () => {
    const rows = findKeys(findSection(page, "`defaultUpstream` and `upstreams`"));
    const documented = new Set([...rows, ...egressKeys]);
    expect([...documented].toSorted()).toEqual(knownKeys(upstream));
  });

  test("has each key of an endpoint, and no other", () => {
    const rows = findKeys(findSection(page, "Endpoints"));
    const documented = new Set([...rows, ...egressKeys]);
    expect([...documented].toSorted()).toEqual(knownKeys([...upstream, "endpoints", "0"]));
  });

  test("has each key of tls, and no other", () => {
    const documented = egressRows.filter((row) => row.startsWith("tls."));
    expect(documented.map((row) => row.slice("tls.".length)).toSorted()).toEqual(
      knownKeys([...upstream, "tls"]),
    );
  });

  test.each([credentials, ...["ecr", "gcp", "acr"].map((kind) => [...credentials, kind])])(
    "has each key of %s.%s.%s and what is below it",
    (...path) => {
      const section = findSection(page, "Credentials");
      const words = new Set([...section.matchAll(/`(\w+)(?:: \{\})?`/g)].map(([, word]) => word));
      expect(knownKeys(path).filter((key) => !words.has(key))).toEqual([]);
    },
  );

  test("has each part of proxy", () => {
    const section = findSection(page, "Ways out");
    for (const part of knownKeys([...upstream, "proxy"])) expect(section).toContain(`\`${part}\``);
  });
});

/** Rules have a second table, of patterns. */
function isPattern(key: string): boolean {
  return key.includes(".") || key === "node";
}

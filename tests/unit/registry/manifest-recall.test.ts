import { describe, expect, test } from "@jest/globals";
import type { Digest } from "../../../src/oci/digest.ts";
import { parseNamePattern } from "../../../src/oci/name-pattern.ts";
import { ManifestRecall } from "../../../src/registry/manifest-recall.ts";
import { RuleBook, type Rule } from "../../../src/registry/rule-book.ts";
import { latest, makeManifest, node, redis } from "../../support/stored-content.ts";
import { ShiftedClock } from "../../support/shifted-clock.ts";

const manifest = makeManifest("a");
const { digest } = manifest;
const byTag = { kind: "tag", tag: latest } as const;
const byDigest = { kind: "digest", digest } as const;

function rule(pattern: string, settings: Partial<Rule>): Rule {
  return { pattern: parseNamePattern(pattern), place: "test", ...settings };
}

/** One tag and its manifest are in memory, confirmed just now. */
function makeRecall(...rules: Rule[]) {
  const clock = new ShiftedClock();
  const used: Digest[] = [];
  const record = { digest, checkedAt: clock.now(), changedAt: clock.now() };
  const defaults = { revalidateAfterMs: 60_000, serveStaleForMs: Infinity, maxAgeMs: Infinity };
  const recall = new ManifestRecall({
    memory: {
      recallTag: (repository, tag) => (repository === node && tag === latest ? record : undefined),
      recallManifest: (repository) => (repository === node ? manifest : undefined),
    },
    rules: new RuleBook({ rules, defaults }),
    usage: { note: (noted) => void used.push(noted) },
    clock,
  });
  return { recall, clock, used };
}

describe("a manifest in memory", () => {
  test.each([byTag, byDigest])("is a hit, and used by that: %p", (reference) => {
    const { recall, used } = makeRecall();
    expect(recall.recall(node, reference)).toEqual({ manifest, cache: "HIT" });
    expect(used).toEqual([digest]);
  });

  test("is none for another repository", () => {
    const { recall, used } = makeRecall();
    expect(recall.recall(redis, byTag)).toBeUndefined();
    expect(recall.recall(redis, byDigest)).toBeUndefined();
    expect(used).toEqual([]);
  });

  test("is at hand by its tag only while that is fresh", () => {
    const { recall, clock } = makeRecall();
    clock.advance(50_000);
    expect(recall.recall(node, byTag)).toBeDefined();
    clock.advance(20_000);
    expect(recall.recall(node, byTag)).toBeUndefined();
    expect(recall.recall(node, byDigest)).toBeDefined();
  });

  test("is not, by its tag, when the clock was set back", () => {
    const { recall, clock } = makeRecall();
    clock.setBack(5000);
    expect(recall.recall(node, byTag)).toBeUndefined();
  });

  test("is always, by a tag that a rule says never moves", () => {
    const { recall, clock } = makeRecall(rule("docker.io/library/node", { immutable: true }));
    clock.advance(1e9);
    expect(recall.recall(node, byTag)).toBeDefined();
  });

  test("is never where a rule denies it", () => {
    const { recall, used } = makeRecall(rule("docker.io/library/node", { deny: "not here" }));
    expect(recall.recall(node, byTag)).toBeUndefined();
    expect(recall.recall(node, byDigest)).toBeUndefined();
    expect(used).toEqual([]);
  });

  test("is by digest where a rule denies only its tag", () => {
    const { recall } = makeRecall(rule("docker.io/library/node:latest", { deny: true }));
    expect(recall.recall(node, byTag)).toBeUndefined();
    expect(recall.recall(node, byDigest)).toBeDefined();
  });
});

import { describe, expect, test } from "@jest/globals";
import { parseNamePattern } from "../../../src/oci/name-pattern.ts";
import { parsePullName } from "../../../src/oci/pull-name.ts";
import { RuleBook, type Rule, type RuleValues } from "../../../src/registry/rule-book.ts";

const defaults = { revalidateAfterMs: 1, serveStaleForMs: 2, maxAgeMs: 3 };

function createRules(...rules: [pattern: string, settings: Partial<RuleValues>][]): RuleBook {
  return new RuleBook({
    defaults,
    rules: rules.map(([text, settings], index): Rule => ({
      pattern: parseNamePattern(text),
      place: `rules:${index + 1}`,
      ...settings,
    })),
  });
}

function named(text: string) {
  const { repository, reference } = parsePullName(text);
  return [repository, reference.kind === "tag" ? reference.tag : undefined] as const;
}

const digest = `sha256:${"0".repeat(64)}`;

describe("a name's values", () => {
  test("are the defaults where no rule matches", () => {
    const rules = createRules(["docker.io/library/python", { pin: true }]);
    expect(rules.resolve(...named("node:24"))).toEqual({
      ...defaults,
      immutable: false,
      onUpstreamDelete: "follow",
      pin: false,
      deny: false,
    });
  });

  test("come each from the first rule that matches and sets it", () => {
    const rules = createRules(
      ["docker.io/library/node:2*", { pin: false, maxAgeMs: 10 }],
      ["docker.io/library/python", { deny: true }],
      ["docker.io/library/*", { pin: true, maxAgeMs: Infinity, revalidateAfterMs: 0 }],
      ["**", { serveStaleForMs: 20, revalidateAfterMs: 30, immutable: true }],
    );
    expect(rules.resolve(...named("node:24"))).toEqual({
      revalidateAfterMs: 0,
      serveStaleForMs: 20,
      immutable: true,
      onUpstreamDelete: "follow",
      pin: false,
      maxAgeMs: 10,
      deny: false,
    });
  });

  test("are those of the tag, and of the repository where there is none", () => {
    const rules = createRules(
      ["docker.io/library/node:24", { deny: "use 26" }],
      ["docker.io/library/node", { maxAgeMs: 7 }],
    );
    expect(rules.resolve(...named("node:24"))).toMatchObject({ deny: "use 26", maxAgeMs: 7 });
    expect(rules.resolve(...named("node:26"))).toMatchObject({ deny: false, maxAgeMs: 7 });
    expect(rules.resolve(...named(`node@${digest}`))).toMatchObject({ deny: false, maxAgeMs: 7 });
    expect(rules.resolve(...named("node:24"))).toMatchObject({ deny: "use 26" });
  });

  test("are explained by the rule that set them", () => {
    const rules = createRules(
      ["docker.io/library/node:24", { deny: false }],
      ["docker.io/**", { deny: true, pin: true }],
    );
    const pinned = { place: "rules:2", pattern: "docker.io/**" };
    expect(rules.explain(...named("node:24"))).toEqual([
      { key: "revalidateAfterMs", value: 1, source: "default" },
      { key: "serveStaleForMs", value: 2, source: "default" },
      { key: "immutable", value: false, source: "default" },
      { key: "onUpstreamDelete", value: "follow", source: "default" },
      { key: "pin", value: true, source: pinned },
      { key: "maxAgeMs", value: 3, source: "default" },
      {
        key: "deny",
        value: false,
        source: { place: "rules:1", pattern: "docker.io/library/node:24" },
      },
    ]);
  });
});

describe("rules", () => {
  test.each([
    ["none", createRules(), false],
    ["one that pins", createRules(["**", { pin: true }]), true],
    ["one that does not pin", createRules(["**", { pin: false }]), false],
    ["others", createRules(["**", { deny: true }]), false],
  ])("protect content or not: %s", (_, rules, expected) => {
    expect(rules.protects).toBe(expected);
  });

  test.each([
    ["without any", createRules(), 3],
    ["with a longer one", createRules(["**", { maxAgeMs: 9 }]), 3],
    ["with a shorter one", createRules(["**", { maxAgeMs: 9 }], ["**", { maxAgeMs: 2 }]), 2],
    ["with never", createRules(["**", { maxAgeMs: Infinity }]), 3],
  ])("know the shortest age, %s", (_, rules, expected) => {
    expect(rules.shortestMaxAgeMs).toBe(expected);
  });
});

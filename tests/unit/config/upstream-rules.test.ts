import { describe, expect, test } from "@jest/globals";
import { upstreamRules } from "../../../src/config/upstream-rules.ts";
import { parsePullName } from "../../../src/oci/pull-name.ts";
import { RuleBook } from "../../../src/registry/rule-book.ts";
import { loadText } from "./load-from-text.ts";

const digest = `sha256:${"0".repeat(64)}`;
const defaults = { revalidateAfterMs: 0, serveStaleForMs: 0, maxAgeMs: 0 };

/** Which of `names` are denied, with what they are told. */
async function findDenied(text: string, names: string[]): Promise<[string, boolean | string][]> {
  const { config } = await loadText(text);
  const book = new RuleBook({ rules: [...config.rules, ...upstreamRules(config)], defaults });
  return names
    .map((name): [string, boolean | string] => {
      const { repository, reference } = parsePullName(name);
      const tag = reference.kind === "tag" ? reference.tag : undefined;
      return [name, book.resolve(repository, tag).deny];
    })
    .filter(([, deny]) => deny !== false);
}

describe("the rules of upstreams", () => {
  test("are none where no upstream allows or denies anything", async () => {
    const { config } = await loadText('upstreams: { docker.io: , quay.io: , "*": }');
    expect(upstreamRules(config)).toEqual([]);
  });

  test("deny what is denied, with the configured words", async () => {
    const text =
      "upstreams: { docker.io: { deny: [bitnami/**], denyMessage: ask us }, quay.io: { deny: ['a/b:old*'] } }";
    const names = ["bitnami/redis", `bitnami/a/b@${digest}`, "node", "quay.io/a/b:old1"];
    const denied = await findDenied(text, [...names, "quay.io/a/b:new", "quay.io/bitnami/x"]);
    expect(denied).toEqual([
      ["bitnami/redis", "ask us"],
      [`bitnami/a/b@${digest}`, "ask us"],
      ["quay.io/a/b:old1", true],
    ]);
  });

  test("deny all but what is allowed", async () => {
    const text = "upstreams: { docker.io: { allow: [library/*, team/**] }, quay.io: }";
    const names = ["node", `node@${digest}`, "team/a/b", "grafana/grafana", "quay.io/a/b"];
    expect(await findDenied(text, names)).toEqual([["grafana/grafana", true]]);
  });

  test("let deny win over allow", async () => {
    const text = "upstreams: { docker.io: { allow: [library/*], deny: [library/redis] } }";
    expect(await findDenied(text, ["node", "redis"])).toEqual([["redis", true]]);
  });

  test("allow tags, and by digest what is behind them, but no other tags", async () => {
    const text =
      "upstreams: { docker.io: { allow: ['team/app:v*', 'team/app:edge', library/*, 'library/node:1*'] } }";
    const names = ["team/app:v1", "team/app:edge", `team/app@${digest}`, "node:2"];
    const others = ["team/app:latest", "team/other:v1", `team/other@${digest}`];
    expect(await findDenied(text, [...names, ...others])).toEqual(
      others.map((name) => [name, true]),
    );
  });

  test("of a pattern hold for the hosts it lets in, and for no other upstream", async () => {
    const text = `
upstreams:
  "*": { deny: ["**/miner"], denyMessage: from all }
  docker.io: { deny: [a/b] }
  ghcr.io: { allow: [team/**] }
  "*.pkg.dev": { allow: ["proj/**"], denyMessage: from pkg }
  "*.eu.pkg.dev":
`;
    const names = [
      "x/miner",
      "a/b",
      "ghcr.io/team/miner",
      "ghcr.io/x/miner",
      "us.pkg.dev/proj/miner",
      "us.pkg.dev/x/y",
      "a.eu.pkg.dev/x/miner",
      "example.com/miner",
      "example.com/x/miner",
      "example.com:5000/a",
    ];
    expect(await findDenied(text, names)).toEqual([
      ["a/b", true],
      ["ghcr.io/x/miner", true],
      ["us.pkg.dev/x/y", "from pkg"],
      ["example.com/miner", "from all"],
      ["example.com/x/miner", "from all"],
    ]);
  });

  test("come after the configured ones", async () => {
    const text =
      "rules: [{ match: docker.io/grafana/*, deny: false }]\nupstreams: { docker.io: { allow: [library/*] } }";
    expect(await findDenied(text, ["grafana/grafana", "a/b"])).toEqual([["a/b", true]]);
  });

  test("tell where they stand", async () => {
    const { config, directory } = await loadText(
      'upstreams:\n  docker.io:\n  quay.io:\n    deny: [a/b]\n    allow:\n      - "c/d:1"\n  "*": { deny: [x/y] }',
    );
    const file = `${directory}/mirror.yaml`;
    const rules = upstreamRules(config).map(({ pattern, place, deny }) => [
      pattern.text,
      place,
      deny,
    ]);
    expect(rules).toEqual([
      ["docker.io/**", "upstreams.docker.io", false],
      ["quay.io/a/b", `${file}:4`, true],
      ["quay.io/c/d:1", `${file}:6`, false],
      ["quay.io/c/d:*", `${file}:6`, true],
      ["quay.io/c/d", `${file}:6`, false],
      ["quay.io/**", `${file}:6`, true],
      ["*/x/y", `${file}:7`, true],
    ]);
  });
});

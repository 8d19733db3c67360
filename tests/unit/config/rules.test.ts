import { describe, expect, test } from "@jest/globals";
import { loadText } from "./load-from-text.ts";

describe("rules", () => {
  test("are read in order, each with what it sets and where it stands", async () => {
    const { config, warnings } = await loadText(
      `
rules:
  - match: docker.io/library/node:*
    revalidateAfter: 12h
    serveStaleFor: 365d
    immutable: true
    onUpstreamDelete: keep
    pin: false
    maxAge: off
    deny: "use \${OTHER}"
  - { match: "docker.io/**", deny: true }
  - match: docker.io/a/b
    pin: \${PIN}
    deny: \${DENY}
`,
      { env: { OTHER: "quay.io", PIN: "true", DENY: "false" } },
    );
    expect(warnings).toEqual([]);
    const rules = config.rules.map(({ pattern, place, ...settings }) => ({
      text: pattern.text,
      place: place.replace(/^.*\//, ""),
      ...settings,
    }));
    expect(rules).toEqual([
      {
        text: "docker.io/library/node:*",
        place: "mirror.yaml:3",
        revalidateAfterMs: 43_200_000,
        serveStaleForMs: 31_536_000_000,
        immutable: true,
        onUpstreamDelete: "keep",
        pin: false,
        maxAgeMs: Infinity,
        deny: "use quay.io",
      },
      { text: "docker.io/**", place: "mirror.yaml:11", deny: true },
      { text: "docker.io/a/b", place: "mirror.yaml:12", pin: true, deny: false },
    ]);
  });

  test("get a warning where they can match nothing that is mirrored", async () => {
    const { warnings, directory } = await loadText(
      "rules:\n  - { match: library/node, pin: true }\n  - { match: '*/library/node', pin: true }",
    );
    expect(warnings).toEqual([
      `${directory}/mirror.yaml:2: rules: "library/node" matches nothing that is mirrored from docker.io; a pattern begins with the registry, such as docker.io/**`,
    ]);
  });

  test("are not set by the environment", async () => {
    const env = { ENTREPOT_RULES: "docker.io/**", ENTREPOT_RULES_0_PIN: "true" };
    const { config, warnings } = await loadText("", { env });
    expect(config.rules).toEqual([]);
    expect(warnings).toEqual([
      "environment: ENTREPOT_RULES: sets nothing, there is no such setting",
      "environment: ENTREPOT_RULES_0_PIN: sets nothing, there is no such setting",
    ]);
  });
});

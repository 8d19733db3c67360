import { describe, expect, test } from "@jest/globals";
import { findProblems } from "./load-from-text.ts";

const mapping = "is not a mapping; write its keys below it, indented";
const size = "is not a size; write a number and a unit, such as 512MiB or 1.5TB, or off";
const schedule =
  'is not a cron pattern; write minute, hour, day, month and weekday, such as "0 3 * * *", or @daily';

/** Title, file, and the one problem that it has. */
const wrongFiles: [string, string, string][] = [
  ["a size without unit", "storage: { maxSize: 50 }", `1:21: storage.maxSize: 50 ${size}`],
  ["a size of nothing", "storage: { maxSize: no }", `1:21: storage.maxSize: "no" ${size}`],
  [
    "a size that holds nothing",
    "storage: { maxSize: 0B }",
    '1:21: storage.maxSize: "0B" is too small; 1MiB or more is allowed, or off',
  ],
  [
    "a share that is none",
    "storage:\n  minFree: 5",
    "2:12: storage.minFree: 5 is neither a percentage nor a size; write one such as 5%, a number and a unit, such as 512MiB or 1.5TB, or off",
  ],
  [
    "a share of nearly all",
    "storage:\n  minFree: 95%",
    '2:12: storage.minFree: "95%" is too much; up to 90% is allowed',
  ],
  [
    "an age that is none",
    "storage: { maxAge: old }",
    '1:20: storage.maxAge: "old" is not a duration; write a whole number and ms, s, m, h or d, such as 12h or 30d, or off',
  ],
  [
    "an age of nothing",
    "storage: { maxAge: 0s }",
    '1:20: storage.maxAge: "0s" is out of range; 1m to 3650d is allowed, or off',
  ],
  [
    "a rate without unit",
    "scrub: { rate: 20 }",
    "1:16: scrub.rate: 20 is not a rate; write a size such as 20MiB or 20MiB/s",
  ],
  [
    "a rate of nothing",
    "scrub: { rate: 1KiB/s }",
    '1:16: scrub.rate: "1KiB/s" is too low; 64KiB or more is allowed',
  ],
  [
    "a rule instead of a list",
    "rules: { match: a }",
    "1:1: rules: is not a list; write [a, b], or one entry a line, each after a -",
  ],
  ["a text as rule", "rules: [docker.io/**]", `1:9: rules[0]: ${mapping}`],
  ["an empty rule", "rules:\n  -", `2:4: rules[0]: ${mapping}`],
  ["a rule for nothing", "rules:\n  - { pin: true }", "2:5: rules[0].match: is missing"],
  [
    "a rule that sets nothing",
    "rules:\n  - match: docker.io/**",
    "2:5: rules[0]: sets nothing; add a key such as pin or revalidateAfter beside match",
  ],
  [
    "a rule with a wrong key",
    "rules:\n  - match: docker.io/**\n    pinn: true\n    pin: true",
    "3:5: rules[0].pinn: unknown key; did you mean pin?",
  ],
  [
    "a rule with a wrong pattern",
    "rules:\n  - match: docker.io//node\n    pin: true",
    '2:12: rules[0].match: "docker.io//node" has an empty component; leave out the extra slash',
  ],
  [
    "a rule that is neither true nor false",
    "rules:\n  - { match: '**', pin: maybe }",
    '2:25: rules[0].pin: "maybe" is not known; write true or false',
  ],
  [
    "a rule with a wrong choice",
    "rules:\n  - { match: '**', onUpstreamDelete: ignore }",
    '2:38: rules[0].onUpstreamDelete: "ignore" is not known; write one of follow, keep',
  ],
  [
    "a denial that is a number",
    "rules:\n  - { match: '**', deny: 403 }",
    "2:26: rules[0].deny: 403 is not known; write true, false, or a text for whoever asks",
  ],
  [
    "an empty denial",
    "rules:\n  - { match: '**', deny: '' }",
    '2:26: rules[0].deny: "" is empty; write true, false, or a text for whoever asks',
  ],
  [
    "a name that nobody can pull",
    "prefetch:\n  images: [node, Node]",
    `2:18: prefetch.images[1]: "Node" is not a name to pull: repository name must be lower-case letters and digits, separated by '.', '_', '-' or '/'`,
  ],
  [
    "a name of another registry",
    "prefetch:\n  images: [quay.io/a/b]",
    '2:12: prefetch.images[0]: "quay.io/a/b" is at quay.io, which is not mirrored; configured: docker.io',
  ],
  [
    "a platform that is none",
    "prefetch: { platforms: [amd64] }",
    '1:25: prefetch.platforms[0]: "amd64" is not a platform; write os/architecture, such as linux/amd64 or linux/arm64/v8, or all',
  ],
  [
    "no platforms",
    "prefetch: { platforms: [] }",
    "1:24: prefetch.platforms: is an empty list; write one or more platforms, or all",
  ],
  [
    "a schedule that is none",
    "prefetch: { schedule: nightly }",
    `1:23: prefetch.schedule: "nightly" ${schedule}`,
  ],
  [
    "a schedule that never comes",
    "prefetch: { schedule: 0 0 30 2 * }",
    '1:23: prefetch.schedule: "0 0 30 2 *" is never due',
  ],
  [
    "a time zone that is none",
    "prefetch: { timeZone: Mars/Base }",
    '1:23: prefetch.timeZone: "Mars/Base" is not a time zone; write one such as Europe/Berlin or UTC',
  ],
];

describe("a configuration of space, age, rules or prefetch with a mistake", () => {
  test.each(wrongFiles)("is refused for %s", async (_title, text, problem) => {
    expect(await findProblems(text)).toEqual([`mirror.yaml:${problem}`]);
  });

  test("is refused with all mistakes of a rule at once", async () => {
    const text = "rules:\n  - match: A\n    maxAge: 1\n  - pin: yes";
    const problems = await findProblems(text);
    expect(problems.map((problem) => problem.split(": ", 2).join(": "))).toEqual([
      "mirror.yaml:2:12: rules[0].match",
      "mirror.yaml:3:13: rules[0].maxAge",
      "mirror.yaml:4:5: rules[1].match",
      "mirror.yaml:4:10: rules[1].pin",
    ]);
  });
});

import { describe, expect, test } from "@jest/globals";
import { expandVariables } from "../../../src/config/variables.ts";

describe("expandVariables", () => {
  const env = { NAME: "value", EMPTY: "", TRICK: "${NAME} $& $1" };

  test.each([
    ["plain", "plain"],
    ["${NAME}", "value"],
    ["a-${NAME}-b-${NAME}", "a-value-b-value"],
    ["${NAME:-other}", "value"],
    ["${MISSING:-other}", "other"],
    ["${MISSING:-}", ""],
    ["${EMPTY:-other}", "other"],
    ["${EMPTY}", ""],
    ["${MISSING:-a:-b}", "a:-b"],
    ["$${NAME}", "${NAME}"],
    ["$NAME and $5", "$NAME and $5"],
    ["${TRICK}", "${NAME} $& $1"],
  ])("makes of %s what a shell would", (text, expanded) => {
    expect(expandVariables(text, env)).toMatchObject({ text: expanded, problems: [] });
  });

  test("tells whether something of the environment is in it", () => {
    expect(expandVariables("${NAME}", env).isExpanded).toBe(true);
    expect(expandVariables("$${NAME}", env).isExpanded).toBe(false);
  });

  test("names each variable that is not set", () => {
    expect(expandVariables("${A}${NAME}${B}", env).problems).toEqual([
      "${A} is not set; set it, or write ${A:-default}",
      "${B} is not set; set it, or write ${B:-default}",
    ]);
  });

  test.each(["se${cret", "${se cret}", "${}", "${1secret}", "${secret-x}"])(
    "does not quote what is malformed in %s",
    (text) => {
      const { problems } = expandVariables(text, env);
      expect(problems).toHaveLength(1);
      expect(problems[0]).not.toContain("cret");
    },
  );
});

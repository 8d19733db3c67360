import { describe, expect, test } from "@jest/globals";
import { findNextQuery } from "../../../src/upstream/link-header.ts";

const base = new URL("https://registry.example/v2/app/tags/list?n=2");

describe("findNextQuery", () => {
  test.each([
    ["a path", '</v2/app/tags/list?last=b&n=2>; rel="next"', "last=b&n=2"],
    ["a query alone", '<?last=b>; rel="next"', "last=b"],
    [
      "another host",
      '<http://internal:5000/v2/app/tags/list?last=b&orderby=x>; rel="next"',
      "last=b&orderby=x",
    ],
    ["no quotes", "</x?last=b>; rel=next", "last=b"],
    ["upper case and spaces", '</x?last=b> ; REL = "NEXT"', "last=b"],
    ["other parameters", '</x?last=b>; title="a, b"; rel="next"; type=x', "last=b"],
    ["several relations", '</x?last=b>; rel="last next"', "last=b"],
    ["several links", '</x?last=a>; rel="first", </x?last=b>; rel="next"', "last=b"],
    ["percent-encoding", '</x?last=b%2Fc>; rel="next"', "last=b%2Fc"],
    ["no query", '</v2/app/tags/list>; rel="next"', undefined],
    ["no next", '</x?last=a>; rel="prev"', undefined],
    ["something that only begins so", '</x?last=a>; rel="nextish"', undefined],
    ["a parameter that only mentions it", '</x?last=a>; title="next"; rel="prev"', undefined],
    ["nonsense", "next", undefined],
    ["nothing", undefined, undefined],
  ])("understands %s", (_, header, query) => {
    expect(findNextQuery(header, base)).toBe(query);
  });

  test("looks at every line", () => {
    const lines = ['</x?last=a>; rel="first"', '</x?last=b>; rel="next"'];
    expect(findNextQuery(lines, base)).toBe("last=b");
  });
});

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { readPages, type Page } from "./markdown.ts";

interface Link {
  page: string;
  /** As written: `configuration.md#rules`. */
  target: string;
}

const pages = await readPages();
const links = pages.flatMap(findLinks);

/** Those within the project, outside of code. */
function findLinks({ path, text }: Page): Link[] {
  const prose = text.replaceAll(/^```[^]*?^```$/gm, "").replaceAll(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => ({ page: path, target }))
    .filter(({ target }) => !/^https?:/.test(target));
}

/** As GitHub names headings: https://github.com/gjtorikian/html-pipeline, TableOfContentsFilter. */
function listAnchors({ text }: Page): string[] {
  const prose = text.replaceAll(/^```[^]*?^```$/gm, "");
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{Letter}\p{Number}\p{Mark} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

function findBroken({ page, target }: Link): string | undefined {
  const [file = "", anchor] = target.split("#");
  const path = file === "" ? page : join(dirname(page), file);
  if (!existsSync(join(import.meta.dirname, "../../..", path))) return `${path} is not there`;
  const linked = pages.find((each) => each.path === path);
  if (anchor === undefined || !linked || listAnchors(linked).includes(anchor)) return undefined;
  return `${path} has no heading #${anchor}`;
}

describe("links in the documentation", () => {
  test("are there", () => {
    expect(links.length).toBeGreaterThan(100);
  });

  test.each(pages)("of $path lead somewhere", ({ path }) => {
    const broken = links.filter(({ page }) => page === path).map(findBroken);
    expect(broken.filter((problem) => problem !== undefined)).toEqual([]);
  });
});

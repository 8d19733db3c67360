import { describe, expect, test } from "@jest/globals";
import { BreadthSearch } from "../../../src/registry/breadth-search.ts";

const mb = 1_000_000;

/** A link that gives each connection so much, and all of them together so much. */
interface Link {
  each: number;
  together: number;
}

/** Windows of a download over the link, each with all wanted connections flowing. */
function follow(search: BreadthSearch, link: Link, windows = 30, missing = 1000 * mb): number[] {
  const wanted: number[] = [];
  for (let count = 0; count < windows && !search.isOver; count += 1) {
    const open = search.wanted;
    const bytesPerSecond = Math.min(open * link.each, link.together);
    search.note({ bytesPerSecond, missing, open, flowing: open });
    wanted.push(search.wanted);
  }
  return wanted;
}

function begin(max: number): BreadthSearch {
  return new BreadthSearch({ max, begin: 1, isOver: false });
}

describe("a search for how many connections pay", () => {
  test.each<[string, number, Link, number]>([
    ["each brings as much as the first", 4, { each: 4 * mb, together: 1000 * mb }, 4],
    ["each brings as much as the first, up to 16", 16, { each: 4 * mb, together: 1000 * mb }, 16],
    ["two fill the link", 16, { each: 4 * mb, together: 8 * mb }, 2],
    ["one fills the link", 4, { each: 4 * mb, together: 4 * mb }, 1],
    ["a second one gains little", 4, { each: 4 * mb, together: 4.4 * mb }, 1],
  ])("where %s, of %i, ends with", (_, max, link, expected) => {
    const search = begin(max);
    follow(search, link);
    expect([search.isOver, search.wanted, search.proven]).toEqual([true, expected, expected]);
  });

  test("tries nothing for what is there in two seconds, however often it is asked", () => {
    const search = begin(4);
    const wanted = follow(search, { each: 100 * mb, together: 100 * mb }, 30, 199 * mb);
    expect(new Set(wanted)).toEqual(new Set([1]));
    expect(search.isOver).toBe(false);
  });

  test("tries nothing where one connection brings 100 MB a second, however large the blob", () => {
    const search = begin(4);
    follow(search, { each: 101 * mb, together: 1000 * mb }, 30, 1_000_000 * mb);
    expect([search.wanted, search.isOver]).toEqual([1, false]);
  });

  test("takes no rate for a baseline that still rises, unless there is long to go", () => {
    const rising = [1, 2, 3, 3.1].map((factor) => factor * 10 * mb);
    const [patient, urgent] = [begin(4), begin(4)];
    const seen = rising.map((bytesPerSecond) => {
      patient.note({ bytesPerSecond, missing: 90 * mb, open: 1, flowing: 1 });
      return patient.wanted;
    });
    expect(seen).toEqual([1, 1, 1, 2]);
    urgent.note({ bytesPerSecond: 10 * mb, missing: 200 * mb, open: 1, flowing: 1 });
    expect(urgent.wanted).toBe(2);
  });

  test("gives new connections time to begin before it judges them", () => {
    const search = begin(2);
    const seen = { bytesPerSecond: 4 * mb, missing: 1000 * mb, open: 2 };
    search.note({ ...seen, open: 1, flowing: 1 });
    for (let count = 0; count < 10; count += 1) search.note({ ...seen, flowing: 1 });
    for (let count = 0; count < 3; count += 1) search.note({ ...seen, flowing: 2 });
    expect(search.wanted).toBe(2);
    search.note({ ...seen, flowing: 2 });
    expect([search.wanted, search.isOver]).toEqual([1, true]);
  });

  test("draws no conclusion from connections that were not to be had, and tries again", () => {
    const search = begin(4);
    const seen = { bytesPerSecond: 4 * mb, missing: 1000 * mb, open: 1, flowing: 1 };
    const wanted: number[] = [];
    for (let count = 0; count < 20; count += 1) {
      search.note(seen);
      wanted.push(search.wanted);
    }
    expect(search.isOver).toBe(false);
    expect(wanted).toContain(1);
    expect(wanted.at(-1)).toBe(2);
  });

  test("knows at a standstill what a connection more is worth", () => {
    const search = begin(4);
    search.note({ bytesPerSecond: 0, missing: 10 * mb, open: 1, flowing: 1 });
    expect(search.wanted).toBe(2);
    search.note({ bytesPerSecond: 1, missing: 10 * mb, open: 2, flowing: 2 });
    expect(search.proven).toBe(2);
  });

  test("goes on from what an earlier one found out", () => {
    const known = new BreadthSearch({ max: 4, begin: 2, isOver: true });
    follow(known, { each: mb, together: 100 * mb });
    expect(known.wanted).toBe(2);
    const unfinished = new BreadthSearch({ max: 4, begin: 2, isOver: false });
    follow(unfinished, { each: mb, together: 100 * mb });
    expect(unfinished.wanted).toBe(4);
  });
});

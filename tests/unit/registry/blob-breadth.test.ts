import { describe, expect, test } from "@jest/globals";
import { BlobBreadth } from "../../../src/registry/blob-breadth.ts";
import { ShiftedClock } from "../../support/shifted-clock.ts";

const mib = 1024 * 1024;

function startBreadth(connectionsPerBlob = 4) {
  const clock = new ShiftedClock();
  const ranges = { connectionsPerBlob, parallelFromBytes: 32 * mib };
  return { clock, breadth: new BlobBreadth({ ranges, clock }) };
}

describe("the breadth of a registry's blobs", () => {
  test("is one connection below the size, and where no more are allowed", () => {
    expect(startBreadth().breadth.searchFor(32 * mib - 1)).toBeUndefined();
    expect(startBreadth(1).breadth.searchFor(1024 * mib)).toBeUndefined();
    expect(startBreadth().breadth.searchFor(32 * mib)?.wanted).toBe(1);
  });

  test("is for the next blob what one has found out, for five minutes", () => {
    const { breadth, clock } = startBreadth();
    breadth.learn({ proven: 4, isOver: true });
    expect(breadth.searchFor(32 * mib)?.wanted).toBe(4);
    clock.advance(5 * 60_000 + 1);
    expect(breadth.searchFor(32 * mib)?.wanted).toBe(1);
  });

  test("is not tried again for as long where nothing was gained", () => {
    const { breadth, clock } = startBreadth();
    breadth.learn({ proven: 1, isOver: true });
    expect(breadth.searchFor(1024 * mib)).toBeUndefined();
    clock.advance(5 * 60_000 + 1);
    expect(breadth.searchFor(1024 * mib)?.wanted).toBe(1);
  });

  test.each([
    [32, 8],
    [200, 25],
    [10_000, 64],
  ])("takes of %i MiB that are missing pieces of %i", (missing, piece) => {
    expect(startBreadth().breadth.pieceBytes(missing * mib)).toBe(piece * mib);
  });
});

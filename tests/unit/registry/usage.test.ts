import { describe, expect, test } from "@jest/globals";
import type { Digest } from "../../../src/oci/digest.ts";
import { Usage } from "../../../src/registry/usage.ts";
import { makeBlob } from "../../support/images.ts";
import { ShiftedClock } from "../../support/shifted-clock.ts";

const first = makeBlob(1).digest;
const second = makeBlob(2).digest;

/** A store that writes a batch down only when told. */
function slowStore() {
  const batches: Digest[][] = [];
  const gate = Promise.withResolvers<void>();
  const recordUses = async (uses: ReadonlyMap<Digest, number>) => {
    batches.push([...uses.keys()]);
    await gate.promise;
  };
  return { batches, release: gate.resolve, recordUses };
}

describe("a flush of uses", () => {
  test("waits for the batch that another one is writing down", async () => {
    const store = slowStore();
    await using usage = new Usage({ metadata: store, clock: new ShiftedClock() });
    usage.note(first);
    const flushes = [usage.flush()];
    usage.note(second);
    let isOver = false;
    flushes.push(usage.flush().finally(() => (isOver = true)));
    expect([usage.isNoted(first), usage.isNoted(second), isOver]).toEqual([true, true, false]);
    expect(store.batches).toEqual([[first]]);
    store.release();
    await Promise.all(flushes);
    expect(store.batches).toEqual([[first], [second]]);
    expect([usage.isNoted(first), usage.isNoted(second)]).toEqual([false, false]);
  });

  test("leaves nothing unwritten at the end", async () => {
    const store = slowStore();
    store.release();
    const usage = new Usage({ metadata: store, clock: new ShiftedClock() });
    usage.note(first);
    await usage[Symbol.asyncDispose]();
    expect(store.batches).toEqual([[first]]);
  });
});

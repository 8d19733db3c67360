import { describe, expect, test } from "@jest/globals";
import { parseReference } from "../../src/oci/reference.ts";
import type { PinRecord, PinStore } from "../../src/store/metadata/pin-store.ts";
import { makeDigest, node, redis } from "../support/stored-content.ts";
import { makeTempDir } from "../support/temp-dir.ts";

function makePin(reference: string, given: Partial<PinRecord> = {}): PinRecord {
  return {
    repository: node,
    reference: parseReference(reference),
    createdAt: 1000,
    until: undefined,
    note: undefined,
    ...given,
  };
}

/** Every pin store keeps these promises. `open` may put files below `directory`. */
export function describePinStore(
  name: string,
  open: (directory: string) => Promise<{ pins: PinStore } & AsyncDisposable>,
): void {
  async function withPins(act: (pins: PinStore) => Promise<void>): Promise<void> {
    await using directory = await makeTempDir();
    await using store = await open(directory.path);
    await act(store.pins);
  }

  describe(`pins in ${name}`, () => {
    test("are listed by name, as they were saved", () =>
      withPins(async (pins) => {
        expect(await pins.listPins()).toEqual([]);
        const saved = [
          makePin("24", { until: 9000, note: "for the release" }),
          makePin(makeDigest("a")),
          makePin("22", { repository: redis }),
        ];
        for (const pin of saved.toReversed()) await pins.savePin(pin);
        expect(await pins.listPins()).toEqual(saved);
      }));

    test("replace one of the same name, with all it said", () =>
      withPins(async (pins) => {
        await pins.savePin(makePin("24", { until: 9000, note: "for the release" }));
        const later = makePin("24", { createdAt: 2000 });
        await pins.savePin(later);
        expect(await pins.listPins()).toEqual([later]);
      }));

    test("are deleted by repository and reference, once", () =>
      withPins(async (pins) => {
        const [kept, gone] = [makePin("24", { repository: redis }), makePin("24")];
        await pins.savePin(kept);
        await pins.savePin(gone);
        expect(await pins.deletePin(gone)).toBe(true);
        expect(await pins.deletePin(gone)).toBe(false);
        expect(await pins.deletePin(makePin(makeDigest("a")))).toBe(false);
        expect(await pins.listPins()).toEqual([kept]);
      }));

    test("are deleted when they have run out", () =>
      withPins(async (pins) => {
        const [forever, later] = [makePin("22"), makePin("24", { until: 5001 })];
        for (const pin of [forever, later]) await pins.savePin(pin);
        await pins.savePin(makePin("18", { until: 4000 }));
        await pins.savePin(makePin("20", { until: 5000 }));
        expect(await pins.deletePinsUntil(5000)).toBe(2);
        expect(await pins.deletePinsUntil(5000)).toBe(0);
        expect(await pins.listPins()).toEqual([forever, later]);
      }));
  });
}

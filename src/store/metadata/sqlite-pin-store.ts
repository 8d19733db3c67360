import type { PinRecord, PinStore } from "./pin-store.ts";
import type { RecoveringTables } from "./sqlite-recovery.ts";

export class SqlitePinStore implements PinStore {
  readonly #tables: RecoveringTables;

  constructor(tables: RecoveringTables) {
    this.#tables = tables;
  }

  async savePin(pin: PinRecord): Promise<void> {
    this.#tables.use(({ pins }) => pins.save(pin));
  }

  async deletePin(pin: Pick<PinRecord, "repository" | "reference">): Promise<boolean> {
    return this.#tables.use(({ pins }) => pins.delete(pin));
  }

  async listPins(): Promise<PinRecord[]> {
    return this.#tables.use(({ pins }) => pins.list());
  }

  async deletePinsUntil(at: number): Promise<number> {
    return this.#tables.use(({ pins }) => pins.deleteUntil(at));
  }
}

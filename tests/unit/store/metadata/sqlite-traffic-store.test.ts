import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { SqliteMetadataStore } from "../../../../src/store/metadata/sqlite-metadata-store.ts";
import { describeTrafficStore } from "../../../contract/traffic-store.ts";
import { makeTempDir } from "../../../support/temp-dir.ts";
import { repository } from "./rounds.ts";

const log = pino({ enabled: false });

function open(directory: string): Promise<SqliteMetadataStore> {
  return SqliteMetadataStore.open({ path: join(directory, "metadata.db"), log });
}

describeTrafficStore("a SQLite file", open);

describe("SqliteTrafficStore", () => {
  test("keeps counts over a restart", async () => {
    await using directory = await makeTempDir();
    const counted = { kind: "blob", outcome: "MISS", requests: 3, bytes: 700 } as const;
    {
      await using store = await open(directory.path);
      await store.traffic.addTraffic(
        [{ day: 0, repository, ...counted }],
        [{ day: 0, bytes: 900 }],
      );
    }
    await using store = await open(directory.path);
    expect(await store.traffic.sumTraffic(0)).toEqual([counted]);
    expect(await store.traffic.sumIntake(0)).toBe(900);
  });

  test("fails as a MetadataError once the store is closed", async () => {
    await using directory = await makeTempDir();
    const store = await open(directory.path);
    await store[Symbol.asyncDispose]();
    await expect(store.traffic.sumTraffic(0)).rejects.toMatchObject({ name: "MetadataError" });
  });
});

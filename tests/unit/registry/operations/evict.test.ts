import { describe, expect, test } from "@jest/globals";
import { parsePullName } from "../../../../src/oci/pull-name.ts";
import type {
  EvictionEntry,
  OperationArgs,
} from "../../../../src/registry/operations/operations.ts";
import { makeBlob, makeImage } from "../../../support/images.ts";
import { RegistryParts, type RegistryPartsOptions } from "../../../support/registry-parts.ts";
import {
  isOnDisk,
  leavePartial,
  leaveQuarantined,
  rule,
  storeBlob,
  storeImage,
} from "../../../support/cached-content.ts";

const kib = 1024;
const day = 24 * 3_600_000;
const oldest = makeBlob(100 * kib, "oldest");
const older = makeBlob(100 * kib, "older");
const newer = makeBlob(100 * kib, "newer");
const newest = makeBlob(100 * kib, "newest");
const blobs = [oldest, older, newer, newest];

/** Four blobs, last used 40, 30, 20 and 10 days ago. */
async function startWorld(options?: RegistryPartsOptions): Promise<RegistryParts> {
  const parts = await RegistryParts.start(options);
  const now = parts.clock.now();
  for (const [index, blob] of blobs.entries())
    await storeBlob(parts, blob, now - (40 - 10 * index) * day);
  return parts;
}

async function evict(parts: RegistryParts, args: Partial<OperationArgs<"evict">>) {
  const entries: EvictionEntry[] = [];
  const onEvent = (entry: EvictionEntry) => entries.push(entry);
  const { signal } = new AbortController();
  const report = await parts.eviction.evict({ dryRun: false, ...args }, { signal, onEvent });
  return { report, entries };
}

function fates(entries: EvictionEntry[]) {
  return entries.map(({ digest, fate }) => [digest, fate]);
}

function present(parts: RegistryParts): Promise<boolean[]> {
  return Promise.all(blobs.map((blob) => isOnDisk(parts, blob)));
}

describe("evict to a size", () => {
  test("takes what was used least recently, rows and files, and no more than needed", async () => {
    await using parts = await startWorld();
    const { report, entries } = await evict(parts, { toBytes: 250 * kib });
    expect(fates(entries)).toEqual([
      [oldest.digest, "goes"],
      [older.digest, "goes"],
    ]);
    expect(entries[0]?.reason).toBe("least recently used: unused for 40 days");
    expect(report).toEqual({
      blobs: 2,
      manifests: 0,
      leftovers: 0,
      bytes: 200 * kib,
      bytesLeft: 200 * kib,
      pinnedBytes: 0,
      reached: true,
    });
    expect(await present(parts)).toEqual([false, false, true, true]);
    expect(await parts.upkeep.measureBlobs()).toEqual({ count: 2, bytes: 200 * kib });
  });

  test("of a dry run tells the same and takes nothing", async () => {
    await using parts = await startWorld();
    const dry = await evict(parts, { toBytes: 250 * kib, dryRun: true });
    expect(await present(parts)).toEqual([true, true, true, true]);
    const real = await evict(parts, { toBytes: 250 * kib });
    expect(dry).toEqual(real);
  });

  test("goes by uses that are not written down yet", async () => {
    await using parts = await startWorld();
    parts.usage.note(oldest.digest);
    const { entries } = await evict(parts, { toBytes: 300 * kib });
    expect(fates(entries)).toEqual([[older.digest, "goes"]]);
  });

  test("passes over what is pinned, says by what, and is content with less", async () => {
    await using parts = await startWorld({
      rules: [rule("docker.io/library/base", { pin: true })],
    });
    const now = parts.clock.now();
    const byRule = makeImage({ seed: "rule", layers: [50 * kib] });
    const byCommand = makeImage({ seed: "command", layers: [60 * kib] });
    await storeImage(parts, "base:1", byRule, now - 60 * day);
    await storeImage(parts, "node:24", byCommand, now - 50 * day);
    const { repository, reference } = parsePullName("node:24");
    const pin = { repository, reference, createdAt: now, until: undefined, note: "for CI" };
    await parts.pins.savePin(pin);
    const { report, entries } = await evict(parts, { toBytes: 0 });
    const reasons = entries.filter(({ fate }) => fate === "stays").map(({ reason }) => reason);
    expect([...new Set(reasons)]).toEqual([
      "pinned by rule mirror.config.yaml:7",
      "pinned by docker.io/library/node:24 (for CI)",
    ]);
    expect(entries.find(({ fate }) => fate === "stays")?.names).toEqual([
      "docker.io/library/base:1",
    ]);
    const pinnedBytes = [byRule, byCommand]
      .flatMap(({ config, layers }) => [config, ...layers])
      .reduce((total, { bytes }) => total + bytes.length, 0);
    expect(report).toMatchObject({ blobs: 4, reached: false, pinnedBytes, bytesLeft: pinnedBytes });
  });

  test("takes quarantined blobs first, and partial ones by their age among the others", async () => {
    await using parts = await startWorld();
    const broken = makeBlob(100 * kib, "broken");
    const begun = makeBlob(200 * kib, "begun");
    await leaveQuarantined(parts, broken);
    await leavePartial(parts, begun, 100 * kib);
    parts.clock.advance(15 * day);
    parts.usage.note(newest.digest);
    const { entries } = await evict(parts, { toBytes: 0 });
    expect(entries.map(({ kind, digest }) => [kind, digest])).toEqual([
      ["quarantined", broken.digest],
      ["blob", oldest.digest],
      ["blob", older.digest],
      ["blob", newer.digest],
      ["partial", begun.digest],
      ["blob", newest.digest],
    ]);
    expect((await evict(parts, { toBytes: 0 })).report).toMatchObject({ bytesLeft: 0 });
  });
});

describe("evict by age", () => {
  test("takes what was not used for so long, and not the rest", async () => {
    await using parts = await startWorld();
    const { report, entries } = await evict(parts, { olderThanMs: 25 * day });
    expect(fates(entries)).toEqual([
      [oldest.digest, "goes"],
      [older.digest, "goes"],
    ]);
    expect(entries[1]?.reason).toBe("unused for 30 days");
    expect(report.reached).toBe(true);
    expect(await present(parts)).toEqual([false, false, true, true]);
  });

  test("and to a size does what each of them asks for", async () => {
    await using parts = await startWorld();
    const args = { olderThanMs: 35 * day, toBytes: 200 * kib };
    const dry = await evict(parts, { ...args, dryRun: true });
    const real = await evict(parts, args);
    expect(fates(real.entries)).toEqual([
      [oldest.digest, "goes"],
      [older.digest, "goes"],
    ]);
    expect(dry).toEqual(real);
  });
});

describe("evict without further words", () => {
  test("does what the limits ask for", async () => {
    const limits = { maxBytes: 390 * kib, maxAgeMs: 35 * day };
    await using parts = await startWorld({ limits });
    const { entries } = await evict(parts, {});
    expect(fates(entries)).toEqual([[oldest.digest, "goes"]]);
  });

  test("goes down to the low mark when the storage is above the high one", async () => {
    await using parts = await startWorld({ limits: { maxBytes: 410 * kib } });
    const { report } = await evict(parts, {});
    expect(report).toMatchObject({ blobs: 1, bytesLeft: 300 * kib, reached: true });
  });
});

import { describe, expect, test } from "@jest/globals";
import { parsePullName } from "../../../../src/oci/pull-name.ts";
import type { Digest } from "../../../../src/oci/digest.ts";
import type { EvictionEntry } from "../../../../src/registry/operations/operations.ts";
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

const day = 24 * 3_600_000;
const image = makeImage();
const { manifest } = image;

async function startWorld(options: RegistryPartsOptions = {}): Promise<RegistryParts> {
  return RegistryParts.start({ ...options, limits: { maxAgeMs: 90 * day, ...options.limits } });
}

/** What expires now, in order, and why what comes first stays. */
async function expire(parts: RegistryParts): Promise<{ gone: Digest[]; stays: string[] }> {
  const entries: EvictionEntry[] = [];
  const { signal } = new AbortController();
  const onEvent = (entry: EvictionEntry) => void entries.push(entry);
  await parts.eviction.evict({ dryRun: false }, { signal, onEvent });
  return {
    gone: entries.filter(({ fate }) => fate === "goes").map(({ digest }) => digest),
    stays: entries.filter(({ fate }) => fate === "stays").map(({ reason }) => reason),
  };
}

/** An image, pulled as `name` now. */
async function pull(parts: RegistryParts, name: string, pulled = image): Promise<void> {
  await storeImage(parts, name, pulled, parts.clock.now());
}

async function isHere(parts: RegistryParts): Promise<boolean> {
  const { repository } = parsePullName("library/app");
  const { content } = await parts.metadata.findManifest(repository, manifest.digest);
  const layers = await Promise.all(image.layers.map((layer) => isOnDisk(parts, layer)));
  return content !== undefined && layers.every(Boolean);
}

describe("storage.maxAge", () => {
  test("takes an image that nobody used for so long, with its tag", async () => {
    await using parts = await startWorld();
    await pull(parts, "library/app:1");
    parts.clock.advance(90 * day - 60_000);
    expect((await expire(parts)).gone).toEqual([]);
    expect(await isHere(parts)).toBe(true);
    parts.clock.advance(120_000);
    const { gone } = await expire(parts);
    expect(gone.at(-1)).toBe(manifest.digest);
    expect(gone.length).toBe(4);
    expect(await isHere(parts)).toBe(false);
    const { repository, reference } = parsePullName("library/app:1");
    if (reference.kind === "tag") {
      expect(await parts.metadata.findTag(repository, reference.tag)).toBeUndefined();
    }
  });

  test("counts from the last use of what is above: a HEAD of the manifest keeps its layers", async () => {
    await using parts = await startWorld();
    await pull(parts, "library/app:1");
    parts.clock.advance(60 * day);
    parts.usage.note(manifest.digest);
    parts.clock.advance(60 * day);
    expect((await expire(parts)).gone).toEqual([]);
    expect(await isHere(parts)).toBe(true);
  });

  test("leaves a layer that another image still uses", async () => {
    await using parts = await startWorld();
    const other = { ...makeImage({ seed: "other" }), layers: image.layers };
    await pull(parts, "library/app:1");
    parts.clock.advance(60 * day);
    await pull(parts, "library/other:1", other);
    parts.clock.advance(60 * day);
    expect((await expire(parts)).gone).toEqual([image.config.digest, manifest.digest]);
    const layers = await Promise.all(image.layers.map((layer) => isOnDisk(parts, layer)));
    expect(layers).toEqual([true, true]);
  });

  test("that is off takes nothing", async () => {
    await using parts = await startWorld({ limits: { maxAgeMs: Infinity } });
    await pull(parts, "library/app:1");
    parts.clock.advance(10_000 * day);
    expect((await expire(parts)).gone).toEqual([]);
  });

  test("takes nothing when the clock is set back", async () => {
    await using parts = await startWorld();
    await pull(parts, "library/app:1");
    parts.clock.setBack(1000 * day);
    expect((await expire(parts)).gone).toEqual([]);
  });
});

describe("the maxAge of a rule", () => {
  const short = rule("docker.io/library/app:pr-*", { maxAgeMs: day });
  const long = rule("docker.io/library/app:v*", { maxAgeMs: 365 * day });

  test("takes what only names with a shorter one lead to", async () => {
    await using parts = await startWorld({ rules: [short] });
    await pull(parts, "library/app:pr-7");
    await storeBlob(parts, makeBlob(10), parts.clock.now());
    parts.clock.advance(2 * day);
    expect((await expire(parts)).gone.length).toBe(4);
    expect(await isHere(parts)).toBe(false);
    expect(await isOnDisk(parts, makeBlob(10))).toBe(true);
  });

  test("does not take what another name with a longer one leads to, and says which", async () => {
    await using parts = await startWorld({ rules: [short, long] });
    await pull(parts, "library/app:pr-7");
    await pull(parts, "library/app:v1");
    parts.clock.advance(100 * day);
    const { gone, stays } = await expire(parts);
    expect(gone).toEqual([]);
    expect(new Set(stays)).toEqual(
      new Set(["kept for 365 days unused for docker.io/library/app:v1, by mirror.config.yaml:7"]),
    );
    parts.clock.advance(300 * day);
    expect((await expire(parts)).gone.length).toBe(4);
  });

  test("holds for what was pulled by digest by the repository's name", async () => {
    const whole = rule("docker.io/library/app", { maxAgeMs: day });
    await using parts = await startWorld({ rules: [whole] });
    await pull(parts, `library/app@${manifest.digest}`);
    parts.clock.advance(2 * day);
    expect((await expire(parts)).gone.length).toBe(4);
  });
});

async function pin(parts: RegistryParts, name: string, until?: number): Promise<void> {
  const { repository, reference } = parsePullName(name);
  const createdAt = parts.clock.now();
  await parts.pins.savePin({ repository, reference, createdAt, until, note: undefined });
}

describe("a pin", () => {
  test.each([
    ["tag", "library/app:1"],
    ["digest", `library/app@${manifest.digest}`],
  ])("by %s keeps the image with all below it", async (_, name) => {
    await using parts = await startWorld();
    await pull(parts, "library/app:1");
    await pin(parts, name);
    parts.clock.advance(1000 * day);
    expect((await expire(parts)).gone).toEqual([]);
    expect(await isHere(parts)).toBe(true);
  });

  test("that has run out keeps nothing", async () => {
    await using parts = await startWorld();
    await pull(parts, "library/app:1");
    await pin(parts, "library/app:1", parts.clock.now() + 100 * day);
    parts.clock.advance(99 * day);
    expect((await expire(parts)).gone).toEqual([]);
    parts.clock.advance(2 * day);
    expect((await expire(parts)).gone.length).toBe(4);
  });

  test("of a rule keeps what its names lead to", async () => {
    await using parts = await startWorld({ rules: [rule("docker.io/library/**", { pin: true })] });
    await pull(parts, "library/app:1");
    parts.clock.advance(1000 * day);
    const { gone, stays } = await expire(parts);
    expect(gone).toEqual([]);
    expect(new Set(stays)).toEqual(new Set(["pinned by rule mirror.config.yaml:7"]));
  });
});

describe("leftovers", () => {
  const begun = makeBlob(100_000, "begun");
  const broken = makeBlob(100_000, "broken");

  test("expire: partial blobs after a day, quarantined ones after a week", async () => {
    await using parts = await startWorld();
    await leavePartial(parts, begun, 50_000);
    await leaveQuarantined(parts, broken);
    parts.clock.advance(day - 60_000);
    expect((await expire(parts)).gone).toEqual([]);
    parts.clock.advance(120_000);
    expect((await expire(parts)).gone).toEqual([begun.digest]);
    parts.clock.advance(6 * day);
    expect((await expire(parts)).gone).toEqual([broken.digest]);
    expect((await expire(parts)).gone).toEqual([]);
  });
});

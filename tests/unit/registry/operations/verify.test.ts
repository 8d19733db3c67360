import { readFile, rm, truncate, writeFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import type { Digest } from "../../../../src/oci/digest.ts";
import { parseTag } from "../../../../src/oci/reference.ts";
import { MirrorBlobs } from "../../../../src/registry/mirror-blobs.ts";
import { MirrorManifests } from "../../../../src/registry/mirror-manifests.ts";
import { NegativeAnswers } from "../../../../src/registry/negative-answers.ts";
import type { VerifyProgress } from "../../../../src/registry/operations/operations.ts";
import { createVerify } from "../../../../src/registry/operations/verify.ts";
import { BlobExaminer } from "../../../../src/registry/upkeep/blob-examiner.ts";
import { makeImage, makeIndex, type TestImage } from "../../../support/images.ts";
import { readBytes } from "../../../support/read-blob.ts";
import { mirroredName, RegistryParts } from "../../../support/registry-parts.ts";
import { blobFile } from "../../../support/storage-files.ts";

const app = mirroredName("library/app");
const other = mirroredName("library/other");
const image = makeImage({ layers: [700_000, 2000], seed: "app" });
const stranger = makeImage({ layers: [3000], seed: "other" });
const [, layer] = digestsOf(image);
const [, strangerLayer] = digestsOf(stranger);
const never = new AbortController().signal;

function digestsOf({ config, layers }: TestImage): [Digest, Digest, ...Digest[]] {
  const [first = config, ...rest] = layers;
  return [config.digest, first.digest, ...rest.map(({ digest }) => digest)];
}

class World implements AsyncDisposable {
  readonly parts: RegistryParts;
  readonly manifests: MirrorManifests;
  readonly blobs: MirrorBlobs;
  readonly progress: VerifyProgress[] = [];
  onProgress: (event: VerifyProgress) => void = () => undefined;

  private constructor(parts: RegistryParts) {
    this.parts = parts;
    const { upstream, metadata, stored, downloads, clock, registry } = parts;
    const negative = new NegativeAnswers({ clock, ttlMs: 0 });
    this.manifests = new MirrorManifests({ upstream, metadata, negative, clock });
    this.blobs = new MirrorBlobs({ upstream, metadata, stored, downloads, clock, negative });
    registry.addImage("library/app", "latest", image);
    registry.addImage("library/other", "latest", stranger);
  }

  /** Two images are here. */
  static async start(): Promise<World> {
    const world = new World(await RegistryParts.start());
    await world.#pull(app, image);
    await world.#pull(other, stranger);
    return world;
  }

  verify(args: { name?: string; repair?: boolean } = {}, signal = never) {
    const { blobs, metadata, inventory, upkeep, stored, clock } = this.parts;
    const verify = createVerify({
      metadata,
      inventory,
      upkeep,
      clock,
      examiner: new BlobExaminer({ blobs, metadata, inventory, upkeep, stored, clock }),
      fetchBlob: (key, digest) => this.#fetchBlob(key, digest),
      fetchManifest: async (key, digest) => {
        await this.manifests.find(key === app.key ? app : other, digest);
      },
    });
    const onEvent = (event: VerifyProgress) => {
      this.progress.push(event);
      this.onProgress(event);
    };
    return verify({ repair: false, ...args }, { signal, onEvent });
  }

  file(digest: Digest): string {
    return blobFile(this.parts.storage, digest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.parts[Symbol.asyncDispose]();
  }

  async #pull(repository: typeof app, { manifest, ...rest }: TestImage): Promise<void> {
    const { metadata, downloads, clock } = this.parts;
    await this.manifests.find(repository, manifest.digest);
    await metadata.saveTag(repository.key, parseTag("latest"), manifest.digest, clock.now());
    for (const digest of digestsOf({ manifest, ...rest })) {
      await this.#fetchBlob(repository.key, digest);
      await downloads.find(digest)?.finished;
    }
  }

  async #fetchBlob(key: string, digest: Digest): Promise<void> {
    const answer = await this.blobs.open(key === app.key ? app : other, digest);
    if (!answer) throw new Error("upstream does not have the blob");
    await using reader = answer.reader;
    await readBytes(reader);
  }
}

async function flip(file: string): Promise<void> {
  const bytes = await readFile(file);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  await writeFile(file, bytes);
}

describe("verify", () => {
  test("counts all that is here where nothing is wrong, and writes down that it looked", async () => {
    await using world = await World.start();
    world.parts.clock.advance(60_000);
    const begunAt = world.parts.clock.now();
    const { blobs, manifests, bytes, damaged } = await world.verify();
    const parts = [image, stranger].flatMap(({ config, layers }) => [config, ...layers]);
    const expected = parts.reduce((sum, part) => sum + part.bytes.length, 0);
    expect({ blobs, manifests, bytes, damaged }).toEqual({
      blobs: 5,
      manifests: 2,
      bytes: expected,
      damaged: [],
    });
    const records = await world.parts.upkeep.listBlobs({ limit: 10 });
    expect(records.every(({ checkedAt }) => (checkedAt ?? 0) >= begunAt)).toBe(true);
    const total = { blobs: 5, bytes: expected };
    expect(world.progress.at(0)).toEqual({ done: { blobs: 0, bytes: 0 }, total });
    expect(world.progress.at(-1)).toEqual({ done: total, total });
  });

  const damages: [string, (file: string) => Promise<void>, string][] = [
    ["changed", flip, "has another digest"],
    ["cut short", (file) => truncate(file, 1), "has the wrong size"],
    ["gone", (file) => rm(file), "is missing"],
  ];

  test.each(damages)(
    "reports a file that is %s, and the next request fetches it",
    async (...of) => {
      const [, damage, problem] = of;
      await using world = await World.start();
      await damage(world.file(layer));
      const report = await world.verify();
      const entry = { digest: layer, size: 700_000, problem, repositories: [app.key] };
      expect(report.damaged).toEqual([entry]);
      expect(world.progress.filter(({ damaged }) => damaged)).toMatchObject([{ damaged: entry }]);
      expect(await world.parts.blobs.stat(layer)).toBeUndefined();
      const answer = await world.blobs.open(app, layer);
      expect(answer?.cache).toBe("MISS");
      await answer?.reader[Symbol.asyncDispose]();
    },
  );

  test.each(damages)("fetches again what is %s when it is told to repair", async (...of) => {
    const [, damage, problem] = of;
    await using world = await World.start();
    await damage(world.file(layer));
    const report = await world.verify({ repair: true });
    expect(report.damaged).toMatchObject([{ digest: layer, problem, repaired: true }]);
    expect((await world.verify()).damaged).toEqual([]);
  });

  test("reports a manifest that is changed, and repairs it when it is told to", async () => {
    await using world = await World.start();
    const { metadata, registry, clock } = world.parts;
    const { manifest } = makeImage({ seed: "rotten" });
    registry.addManifest("library/app", manifest);
    for (const repair of [false, true]) {
      const rotten = { ...manifest, bytes: Buffer.from("rotten") };
      const save = { repository: app.key, references: [], subject: undefined, at: clock.now() };
      await metadata.saveManifest({ ...save, manifest: rotten });
      const { manifests, damaged } = await world.verify({ repair });
      expect(manifests).toBe(3);
      expect(damaged).toMatchObject([{ digest: manifest.digest, problem: "has another digest" }]);
      expect(damaged[0]?.repaired).toBe(repair || undefined);
      const { content } = await metadata.findManifest(app.key, manifest.digest);
      expect(content?.bytes.length).toBe(repair ? manifest.bytes.length : undefined);
    }
  });

  test.each([
    ["refuses", { status: 403 }],
    ["sends something else", { flipByteAt: 5 }],
  ])("says why upstream was of no help where it %s, and goes on", async (_, fault) => {
    await using world = await World.start();
    for (const digest of [layer, strangerLayer]) await flip(world.file(digest));
    world.parts.registry.inject({ reference: layer }, fault);
    const { damaged } = await world.verify({ repair: true });
    const outcomes = new Map(damaged.map((each) => [each.digest, each]));
    expect(outcomes.get(layer)).toMatchObject({ repaired: false });
    expect(outcomes.get(layer)?.repairProblem).toContain(`${app.key}: `);
    expect(outcomes.get(strangerLayer)).toMatchObject({ repaired: true });
  });

  test("keeps to what is below a name", async () => {
    await using world = await World.start();
    for (const digest of [layer, strangerLayer]) await flip(world.file(digest));
    const report = await world.verify({ name: `${other.key}:latest` });
    expect(report).toMatchObject({ blobs: 2, manifests: 1, damaged: [{ digest: strangerLayer }] });
    expect(world.progress.at(-1)?.total.blobs).toBe(2);
  });

  test.each([
    ["a blob's digest", layer, { blobs: 1, manifests: 0 }],
    ["a manifest's digest", image.manifest.digest, { blobs: 3, manifests: 1 }],
    ["a name with a digest", `${app.key}@${image.manifest.digest}`, { blobs: 3, manifests: 1 }],
  ])("takes %s", async (_, name, expected) => {
    await using world = await World.start();
    expect(await world.verify({ name })).toMatchObject(expected);
  });

  test("does not take what never was here for missing", async () => {
    await using world = await World.start();
    const absent = makeImage({ seed: "absent" });
    const index = makeIndex([image, absent]);
    world.parts.registry.addManifest("library/app", index.manifest);
    await world.manifests.find(app, index.manifest.digest);
    const report = await world.verify({ name: `${app.key}@${index.manifest.digest}` });
    expect(report).toMatchObject({ blobs: 3, manifests: 2, damaged: [] });
  });

  test.each([
    [`${app.key}:24`, "MANIFEST_UNKNOWN", "there are the tags latest"],
    ["registry.example/library/nothing", "NAME_UNKNOWN", "is not here"],
    [makeImage({ seed: "absent" }).manifest.digest, "MANIFEST_UNKNOWN", "is here"],
    ["Not/A Name", "NAME_INVALID", ""],
  ])("refuses %s", async (name, code, text) => {
    await using world = await World.start();
    const refused = expect(world.verify({ name })).rejects;
    await refused.toMatchObject({ code, message: expect.stringContaining(text) });
  });

  test("ends when whoever asked for it has gone", async () => {
    await using world = await World.start();
    const abort = new AbortController();
    world.onProgress = ({ done }) => {
      if (done.blobs > 0) abort.abort(new Error("gone"));
    };
    world.parts.clock.monotonic = () => world.progress.length * 1000;
    await expect(world.verify({}, abort.signal)).rejects.toThrow("gone");
    expect(world.progress.at(-1)?.done.blobs).toBe(1);
  });
});

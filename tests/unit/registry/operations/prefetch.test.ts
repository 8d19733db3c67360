import { describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { systemClock } from "../../../../src/clock.ts";
import type { Digest } from "../../../../src/oci/digest.ts";
import { RegistryError } from "../../../../src/oci/errors.ts";
import type {
  PrefetchProgress,
  PrefetchReport,
} from "../../../../src/registry/operations/operations.ts";
import { createPrefetch } from "../../../../src/registry/operations/prefetch.ts";
import { makeBlob, makeImage, makeImageOf, type TestImage } from "../../../support/images.ts";
import { eventually, within } from "../../../support/wait.ts";
import { ColdRepository } from "./cold-repository.ts";

interface Call {
  platforms?: string[] | "all";
  signal?: AbortSignal;
}

class World {
  readonly app = new ColdRepository();
  readonly events: PrefetchProgress[] = [];
  readonly #repositories: ColdRepository[];

  constructor(...others: ColdRepository[]) {
    this.#repositories = [this.app, ...others];
  }

  prefetch(names: string[], { platforms = "all", signal }: Call = {}): Promise<PrefetchReport> {
    const operation = createPrefetch({
      directory: {
        get: (registry, name) => {
          const found = this.#repositories.find(({ key }) => key === `${registry}/${name}`);
          if (found) return found;
          throw new RegistryError("NAME_UNKNOWN", "this mirror serves docker.io only");
        },
      },
      clock: systemClock,
      log: pino({ level: "silent" }),
    });
    return operation(
      { names, platforms },
      {
        signal: signal ?? new AbortController().signal,
        onEvent: (event) => this.events.push(event),
      },
    );
  }

  statesOf(digest: Digest): string[] {
    return this.events.flatMap((event) =>
      event.kind === "blob" && event.digest === digest ? [event.state] : [],
    );
  }
}

const amd64 = { os: "linux", architecture: "amd64" };
const arm64 = { os: "linux", architecture: "arm64", variant: "v8" };
const attestation = { os: "unknown", architecture: "unknown" };

function digestsOf(...images: TestImage[]): Set<Digest> {
  return new Set(images.flatMap(({ config, layers }) => [config, ...layers]).map((b) => b.digest));
}

function sizeOf({ config, layers }: TestImage): number {
  return [config, ...layers].reduce((sum, { bytes }) => sum + bytes.length, 0);
}

describe("prefetch", () => {
  test("reads what is not here to its end, and says what came", async () => {
    const world = new World();
    const image = makeImage({ layers: [1000, 300_000] });
    world.app.addImage("24", image);
    const report = await world.prefetch(["app:24"]);
    expect(report).toEqual({
      names: [{ name: "docker.io/library/app:24", complete: true }],
      blobs: 3,
      fetchedBytes: sizeOf(image),
      presentBytes: 0,
    });
    expect(world.app.kept).toEqual(digestsOf(image));
    expect(world.app.openReaders).toBe(0);
    expect(world.statesOf(image.config.digest)).toEqual(["waiting", "running", "done"]);
    expect(world.events.at(0)).toMatchObject({ kind: "name", state: "resolving" });
    expect(world.events.at(-1)).toMatchObject({ kind: "name", state: "done" });
  });

  test("does not read what is here", async () => {
    const world = new World();
    const image = makeImage();
    world.app.addImage("latest", image);
    for (const digest of digestsOf(image)) world.app.kept.add(digest);
    const report = await world.prefetch(["app"]);
    expect(report).toMatchObject({ blobs: 3, fetchedBytes: 0, presentBytes: sizeOf(image) });
    expect(world.app.read.size).toBe(0);
    expect(world.statesOf(image.config.digest)).toEqual(["waiting", "present"]);
  });

  test("takes a name that is given twice, in whatever form, once", async () => {
    const world = new World();
    world.app.addImage("latest", makeImage());
    const report = await world.prefetch(["app", "docker.io/library/app:latest"]);
    expect(report.names).toHaveLength(1);
    expect(world.app.calls.filter((call) => call === "getManifest")).toHaveLength(1);
  });

  test("reads a blob of several names of a repository once", async () => {
    const world = new World();
    const shared = makeBlob(5000, "shared");
    world.app.addImage("a", makeImageOf([shared], "a"));
    world.app.addImage("b", makeImageOf([shared], "b"));
    const report = await world.prefetch(["app:a", "app:b"]);
    expect(report.names.map(({ complete }) => complete)).toEqual([true, true]);
    expect(report.blobs).toBe(3);
    expect(world.app.calls.filter((call) => call === "openBlob")).toHaveLength(3);
    const states = world.statesOf(shared.digest).toSorted();
    expect(states).toEqual(["done", "present", "running", "waiting", "waiting"]);
  });

  test("asks each repository for a blob that they share, but reads it once", async () => {
    const other = new ColdRepository("library/other");
    const world = new World(other);
    const shared = makeBlob(5000, "shared");
    world.app.addImage("latest", makeImageOf([shared], "a"));
    other.addImage("latest", makeImageOf([shared], "b"));
    other.kept = world.app.kept;
    const report = await world.prefetch(["app", "other"]);
    expect(report.names.map(({ complete }) => complete)).toEqual([true, true]);
    expect(world.statesOf(shared.digest)).toContain("done");
    expect(world.statesOf(shared.digest)).toContain("present");
    const readers = [world.app, other].filter(({ read }) => read.has(shared.digest));
    expect(readers).toHaveLength(1);
  });

  test("fetches of an index what runs on the platforms asked for", async () => {
    const world = new World();
    const [x, arm, extra] = ["x", "arm", "extra"].map((seed) => makeImage({ seed }));
    if (!x || !arm || !extra) throw new Error("no images");
    world.app.addIndex("latest", [
      [x, amd64],
      [arm, arm64],
      [extra, attestation],
    ]);
    const report = await world.prefetch(["app"], { platforms: ["linux/arm64"] });
    expect(report.names).toMatchObject([{ complete: true }]);
    expect(world.app.kept).toEqual(digestsOf(arm));
    await world.prefetch(["app"], { platforms: "all" });
    expect(world.app.kept).toEqual(digestsOf(x, arm, extra));
  });

  test("fetches the platforms that there are, and says which is not and what there is", async () => {
    const world = new World();
    const x = makeImage();
    world.app.addIndex("latest", [
      [x, amd64],
      [makeImage({ seed: "extra" }), attestation],
    ]);
    const report = await world.prefetch(["app"], { platforms: ["linux/amd64", "linux/s390x"] });
    expect(report.names).toEqual([
      {
        name: "docker.io/library/app:latest",
        complete: false,
        problem: "has no linux/s390x; it has linux/amd64",
      },
    ]);
    expect(world.app.kept).toEqual(digestsOf(x));
  });

  test("takes a manifest that is no index, whatever the platform", async () => {
    const world = new World();
    world.app.addImage("latest", makeImage());
    const report = await world.prefetch(["app"], { platforms: ["linux/s390x"] });
    expect(report.names).toMatchObject([{ complete: true }]);
  });

  test("takes all of an index that tells no platforms", async () => {
    const world = new World();
    const images = [makeImage({ seed: "a" }), makeImage({ seed: "b" })];
    world.app.addIndex(
      "latest",
      images.map((image) => [image, undefined] as const),
    );
    await world.prefetch(["app"], { platforms: ["linux/amd64"] });
    expect(world.app.kept).toEqual(digestsOf(...images));
  });

  test("a blob that fails fails its name; the rest and the other names come", async () => {
    const world = new World();
    const broken = makeImage({ seed: "broken" });
    const [missing, present] = broken.layers;
    if (!missing || !present) throw new Error("no layers");
    world.app.addManifest("a", broken.manifest.mediaType, String(broken.manifest.bytes));
    for (const { bytes } of [broken.config, present]) world.app.addBlob(bytes);
    world.app.addImage("b", makeImage({ seed: "b" }));
    const report = await world.prefetch(["app:a", "app:b", "app:c"]);
    expect(report.names).toEqual([
      {
        name: "docker.io/library/app:a",
        complete: false,
        problem: `blob ${missing.digest}: blob unknown`,
      },
      { name: "docker.io/library/app:b", complete: true },
      { name: "docker.io/library/app:c", complete: false, problem: "manifest unknown" },
    ]);
    expect(world.app.kept.has(present.digest)).toBe(true);
    expect(world.statesOf(missing.digest)).toEqual(["waiting", "failed"]);
  });

  test("a name of a registry that is not mirrored fails, and says so", async () => {
    const report = await new World().prefetch(["ghcr.io/a/b:1"]);
    expect(report.names).toEqual([
      { name: "ghcr.io/a/b:1", complete: false, problem: "this mirror serves docker.io only" },
    ]);
  });

  test("what was passed through is not here, and is not read", async () => {
    const world = new World();
    world.app.addImage("latest", makeImage());
    world.app.provenance = { cache: "PASS" };
    const report = await world.prefetch(["app"]);
    expect(report.names).toMatchObject([
      { complete: false, problem: expect.stringContaining("storage.maxSize") },
    ]);
    expect(report.blobs).toBe(0);
    expect(world.app.read.size).toBe(0);
    expect(world.app.openReaders).toBe(0);
  });

  test("what had to go again for the rest makes its name incomplete", async () => {
    const world = new World();
    const image = makeImage();
    world.app.addImage("latest", image);
    const [first] = image.layers;
    world.app.onRead = (digest) => {
      if (digest !== first?.digest) world.app.kept.add(digest);
    };
    const report = await world.prefetch(["app"]);
    expect(report.names).toMatchObject([
      { complete: false, problem: expect.stringMatching(/^1 of its 3 blobs was not kept/) },
    ]);
    expect(world.events.at(-1)).toMatchObject({ kind: "name", state: "failed" });
  });

  test("a stale tag is complete, with upstream's trouble told", async () => {
    const world = new World();
    world.app.addImage("latest", makeImage());
    world.app.provenance = { cache: "STALE", warning: "docker.io cannot be reached" };
    const report = await world.prefetch(["app"]);
    expect(report.names).toMatchObject([
      { complete: true, problem: "docker.io cannot be reached" },
    ]);
  });

  test("brings in four blobs at a time", async () => {
    const world = new World();
    const layers = Array.from({ length: 9 }, (_, index) => index + 1);
    world.app.addImage("latest", makeImage({ layers }));
    const release = Promise.withResolvers<void>();
    world.app.beforeRead = () => release.promise;
    const prefetching = world.prefetch(["app"]);
    await eventually("reads", () => world.app.read.size === 4);
    release.resolve();
    await prefetching;
    expect(world.app.mostOpen).toBe(4);
  });

  test("an abort ends it at once, also in the middle of a read", async () => {
    const world = new World();
    const layers = Array.from({ length: 9 }, (_, index) => index + 1);
    world.app.addImage("latest", makeImage({ layers }));
    world.app.beforeRead = () => new Promise(() => undefined);
    const abort = new AbortController();
    const prefetching = world.prefetch(["app"], { signal: abort.signal });
    const rejected = expect(prefetching).rejects.toThrow("enough");
    await eventually("reads", () => world.app.read.size === 4);
    const told = world.events.length;
    abort.abort(new Error("enough"));
    await within("the end", 5000, rejected);
    expect(world.app.openReaders).toBe(0);
    expect(world.events).toHaveLength(told);
    expect(world.app.calls.filter((call) => call === "openBlob")).toHaveLength(4);
  });

  test("throws before anything is fetched if a name or a platform is none", async () => {
    const world = new World();
    world.app.addImage("latest", makeImage());
    await expect(world.prefetch(["app", "App"])).rejects.toThrow(/^App: repository name must/);
    await expect(world.prefetch(["app"], { platforms: ["linux"] })).rejects.toThrow(
      '"linux" is not a platform',
    );
    await expect(world.prefetch(["app"], { platforms: [] })).rejects.toThrow("at least one");
    expect(world.app.calls).toEqual([]);
  });
});

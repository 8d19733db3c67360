import { describe, expect, test } from "@jest/globals";
import { chown, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ContainerTools } from "../support/e2e-containers.ts";
import { Docker } from "../support/e2e-docker.ts";
import { makePlatformIndex, makeRunnableImage } from "../support/e2e-images.ts";
import { BuiltMirror } from "../support/e2e-mirror.ts";
import { pushImage, pushIndex } from "../support/e2e-push.ts";
import { World } from "../support/e2e-world.ts";
import { makeImage, type TestBlob, type TestImage } from "../support/images.ts";
import { listPartials, partialFile } from "../support/storage-files.ts";
import { eventually } from "../support/wait.ts";

const MIB = 1024 * 1024;
/** The hub sends no more than this at a time. What it holds back counts when it is released. */
const CHUNK = 64 * 1024;

function blobsOf({ config, layers }: TestImage): TestBlob[] {
  return [config, ...layers];
}

function sizeOf(image: TestImage): number {
  return blobsOf(image).reduce((sum, { bytes }) => sum + bytes.length, 0);
}

/** Of upstream: library/app:1 for this machine, and library/multi:1 for two. */
async function pushApps({ directory, hub }: World) {
  const app = await makeRunnableImage(directory, { seed: "app", layers: [3 * MIB] });
  const amd64 = await makeRunnableImage(directory, { seed: "amd64", layers: [2 * MIB] });
  const arm64 = await makeRunnableImage(directory, { seed: "arm64", architecture: "arm64" });
  const multi = makePlatformIndex({ amd64, arm64 });
  await pushImage(hub.pushUrl, "library/app", "1", app);
  await pushIndex(hub.pushUrl, "library/multi", "1", multi);
  return { app, amd64, arm64, multi };
}

async function writeComposeFile({ directory }: World): Promise<string> {
  const file = join(directory, "compose.yaml");
  const services = { web: { image: "multi:${TAG:-1}" }, db: { image: "docker.io/library/app:1" } };
  await writeFile(file, JSON.stringify({ services }));
  return file;
}

describe("entrepot prefetch --file compose.yaml", () => {
  test("brings what docker then pulls without upstream, and ls, show and stats tell of it", async () => {
    await using world = await World.start();
    const { directory, hub, mirror } = world;
    const { app, amd64, arm64, multi } = await pushApps(world);
    const file = await writeComposeFile(world);
    const prefetch = ["prefetch", "--file", file, "--platform", "linux/amd64"];

    expect(await mirror.command(...prefetch)).toContain("2 of 2 names complete: 6 blobs");
    const again = JSON.parse(await mirror.command(...prefetch, "--json"));
    const bytes = sizeOf(app) + sizeOf(amd64);
    expect(again).toMatchObject({ blobs: 6, fetchedBytes: 0, presentBytes: bytes });
    for (const { digest } of blobsOf(arm64)) expect(hub.bytesOf(digest)).toBe(0);

    await hub.goAway();
    await using docker = await Docker.start({
      directory: join(directory, "docker"),
      mirror: mirror.url,
    });
    for (const name of ["multi:1", "app:1"]) await docker.docker(["pull", name]);
    const runMulti = ["run", "--rm", "--network=none", "multi:1"];
    expect(await docker.docker(runMulti)).toBe("amd64");

    expect(await mirror.command("ls")).toMatch(/^docker\.io\/library\/multi +1 +2 +3 /m);
    expect(JSON.parse(await mirror.command("ls", "--tags", "--json"))).toMatchObject([
      { name: "docker.io/library/app:1", digest: app.manifest.digest },
      { name: "docker.io/library/multi:1", digest: multi.manifest.digest },
    ]);
    const shown = await mirror.command("show", "multi:1");
    expect(shown).toContain(`here       3 of 3 blobs`);
    expect(shown).toMatch(new RegExp(`linux/amd64 +${amd64.manifest.digest} .* used`));
    expect(shown).toMatch(new RegExp(`linux/arm64 +${arm64.manifest.digest} .*not here`));
    const stats = JSON.parse(await mirror.command("stats", "--json"));
    expect(stats).toMatchObject({
      space: { blobs: 6, blobBytes: bytes, partialBytes: 0 },
      counts: { repositories: 2, tags: 2, manifests: 3 },
      traffic: { errors: 0, hitBytes: expect.any(Number) },
    });
    expect(stats.traffic.hitBytes).toBeGreaterThanOrEqual(bytes);
  });

  test("ends with exit code 1 and says which names did not come", async () => {
    await using world = await World.start();
    await pushApps(world);
    await using prefetch = world.mirror.launch("prefetch", "app:1", "nothing:1");
    expect(await prefetch.exited).toBe(1);
    expect(prefetch.standardOutput).toMatch(/^docker\.io\/library\/nothing:1: /m);
    expect(prefetch.standardOutput).toContain("1 of 2 names complete");
  });
});

describe("a pinned image in a small cache", () => {
  test("stays while others are pulled, and is pulled without upstream until it is unpinned", async () => {
    await using world = await World.start({ storage: { maxSize: "24MiB", minFree: "off" } });
    const { directory, hub, mirror } = world;
    const { app } = await pushApps(world);
    const tools = await ContainerTools.create(join(directory, "tools"), mirror.host);
    const copy = (name: string) =>
      tools.skopeo(["copy", `docker://docker.io/library/${name}`, `dir:${directory}/${name}`]);
    await mirror.command("pin", "app:1", "--note", "for the release");
    await copy("app:1");
    for (const seed of ["a", "b", "c", "d"]) {
      await pushImage(
        hub.pushUrl,
        `library/${seed}`,
        "1",
        makeImage({ seed, layers: [4 * MIB, 4 * MIB] }),
      );
      await copy(`${seed}:1`);
    }

    await hub.goAway();
    await copy("app:1");
    await expect(copy("a:1")).rejects.toThrow();
    for (const { digest } of blobsOf(app)) expect(hub.downloadsOf(digest)).toBe(1);
    expect(JSON.parse(await mirror.command("pins", "--json"))).toMatchObject([
      { name: "docker.io/library/app:1", note: "for the release", present: true },
    ]);
    await expect(mirror.command("rm", "app:1")).rejects.toThrow("pinned");
    await expect(mirror.command("evict", "--to", "0B")).rejects.toThrow("pinned");
    await copy("app:1");

    await mirror.command("unpin", "app:1");
    await mirror.command("evict", "--to", "0B");
    expect(JSON.parse(await mirror.command("ls", "--blobs", "--json"))).toEqual([]);
  });
});

/** A prefetch that has got half of the layer, and gets no more of it. */
async function startHalfPrefetch({ hub, mirror }: World, layer: TestBlob) {
  hub.holdAfter(layer.bytes.length / 2);
  const prefetch = mirror.launch("prefetch", "app:1");
  const partial = partialFile(mirror.storagePath, layer.digest);
  await eventually("half of the layer to be on the disk", async () => {
    const sent = hub.bytesOf(layer.digest);
    const size = (await stat(partial).catch(() => undefined))?.size;
    return size === sent && sent > layer.bytes.length / 2 - CHUNK;
  });
  return prefetch;
}

async function pushBigApp({ hub }: World): Promise<{ image: TestImage; layer: TestBlob }> {
  const image = makeImage({ seed: "big", layers: [24 * MIB, MIB] });
  const [layer] = image.layers;
  if (!layer) throw new Error("the image has no layer");
  await pushImage(hub.pushUrl, "library/app", "1", image);
  return { image, layer };
}

describe("Ctrl-C in the middle of entrepot prefetch", () => {
  test("ends it with exit code 1; without a server the next one goes on where it was", async () => {
    await using world = await World.start();
    const { hub, mirror } = world;
    const { image, layer } = await pushBigApp(world);
    mirror.terminate();
    await mirror.exited();

    await using prefetch = await startHalfPrefetch(world, layer);
    prefetch.signal("SIGINT");
    expect(await prefetch.exited).toBe(1);
    expect(prefetch.standardError).toContain("stopped: what came so far is kept");

    hub.release();
    await mirror.command("prefetch", "app:1");
    for (const { digest, bytes } of blobsOf(image)) {
      expect(hub.bytesOf(digest)).toBeLessThanOrEqual(bytes.length + CHUNK);
    }
    await hub.goAway();
    await mirror.command("prefetch", "app:1");
  });

  test("lets a running server finish the layer, and nothing is fetched again", async () => {
    await using world = await World.start();
    const { hub, mirror } = world;
    const { image, layer } = await pushBigApp(world);

    await using prefetch = await startHalfPrefetch(world, layer);
    expect(JSON.parse(await mirror.command("stats", "--json"))).toMatchObject({
      downloads: [{ digest: layer.digest, size: layer.bytes.length }],
    });
    prefetch.signal("SIGINT");
    expect(await prefetch.exited).toBe(1);
    hub.release();
    await eventually("the layer to be finished", async () => {
      return (await listPartials(mirror.storagePath)).length === 0;
    });

    await mirror.command("prefetch", "app:1");
    for (const { digest, bytes } of blobsOf(image)) {
      expect(hub.downloadsOf(digest)).toBe(1);
      expect(hub.bytesOf(digest)).toBe(bytes.length);
    }
  });
});

describe("one storage", () => {
  test("takes no second server, which says who holds it; the first goes on", async () => {
    await using world = await World.start();
    const { directory, hub, mirror } = world;
    const other = {
      directory: join(directory, "second"),
      endpoint: hub.url,
      storagePath: mirror.storagePath,
    };
    const second = BuiltMirror.start(other);
    const refused = expect(second).rejects.toThrow(
      new RegExp(`process ${mirror.pid} on .*entrepot serve, since .*${mirror.url}`),
    );
    await refused;
    await using again = mirror.launch("serve");
    expect(await again.exited).toBe(1);
    expect(again.output).toContain(`process ${mirror.pid} `);
    expect(await mirror.isAnswering()).toBe(true);
    await mirror.command("stats");
  });

  test("is shown by commands beside a server, after its end and after kill -9 alike", async () => {
    await using world = await World.start();
    const { mirror } = world;
    await pushApps(world);
    await mirror.command("prefetch", "multi:1", "--platform", "all");
    const list = () => mirror.command("ls", "--blobs", "--json");
    const beside = await list();
    const { mode } = await stat(join(mirror.storagePath, "control.sock"));
    expect(mode & 0o777).toBe(0o600);
    expect(JSON.parse(beside)).toHaveLength(5);
    expect(JSON.parse(await mirror.command("stats", "--json"))).toHaveProperty("runningSince");
    await mirror.command("healthcheck");

    await mirror.kill();
    expect(await list()).toBe(beside);
    expect(JSON.parse(await mirror.command("stats", "--json"))).not.toHaveProperty("runningSince");
    await expect(mirror.command("healthcheck")).rejects.toThrow();
    await mirror.command("pin", "multi:1");

    await mirror.start();
    expect(JSON.parse(await mirror.command("pins", "--json"))).toHaveLength(1);
    expect(await list()).toBe(beside);
    mirror.terminate();
    expect(await mirror.exited()).toBe(0);
    expect(await list()).toBe(beside);
  });

  test("is not touched by root's commands when it is another user's and no server runs", async () => {
    await using world = await World.start();
    const { mirror } = world;
    mirror.terminate();
    await mirror.exited();
    await chown(mirror.storagePath, 1234, 1234);
    await expect(mirror.command("ls")).rejects.toThrow("belongs to user 1234");
    await chown(mirror.storagePath, 0, 0);
    await mirror.command("ls");
  });
});

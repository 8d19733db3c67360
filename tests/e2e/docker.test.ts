import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { join } from "node:path";
import { Docker } from "../support/e2e-docker.ts";
import { makeRunnableImage } from "../support/e2e-images.ts";
import { pushImage } from "../support/e2e-push.ts";
import { eventually } from "../support/wait.ts";
import { World } from "../support/e2e-world.ts";
import type { TestImage } from "../support/images.ts";
import { makeTempDir, type TempDir } from "../support/temp-dir.ts";

const MIB = 1024 * 1024;
/** Of one connection; a layer gets several then. */
const BYTES_PER_SECOND = 2 * MIB;
/** Where a large layer gets several connections, what was on its way on the first one then. */
const BYTES_SENT_TWICE = MIB;
/** What a kill may cost: what came since the mirror last took note, a second ago, and what is under way. */
const BYTES_LOST_BY_KILL = 14 * MIB;

let imageDirectory: TempDir;
let image: TestImage;

beforeAll(async () => {
  imageDirectory = await makeTempDir();
  const layers = [48 * MIB, 32 * MIB, 24 * MIB];
  image = await makeRunnableImage(imageDirectory.path, { seed: "docker", layers });
});

afterAll(async () => {
  await imageDirectory[Symbol.asyncDispose]();
});

/** A world whose upstream has the image as library/app:1, and a Docker daemon that uses its mirror. */
async function startWorld(revalidateAfter = "1h") {
  await using owned = new AsyncDisposableStack();
  const world = owned.use(await World.start({ revalidateAfter }));
  await pushImage(world.hub.pushUrl, "library/app", "1", image);
  const directory = join(world.directory, "docker");
  const docker = owned.use(await Docker.start({ directory, mirror: world.mirror.url }));
  const all = owned.move();
  const { hub, mirror } = world;
  return { hub, mirror, docker, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

async function runApp(docker: Docker): Promise<string> {
  return docker.docker(["run", "--rm", "--network", "none", "app:1"]);
}

async function checksumInContainer(docker: Docker): Promise<string> {
  const command = ["sha256sum", "/content/0", "/content/1", "/content/2"];
  return docker.docker(["run", "--rm", "--network", "none", "app:1", ...command]);
}

describe("docker pull with the mirror in registry-mirrors", () => {
  test("works cold, warm, with upstream gone, and after a restart", async () => {
    await using world = await startWorld();
    const { hub, mirror, docker } = world;

    await docker.docker(["pull", "app:1"]);
    expect(await runApp(docker)).toBe("docker");
    const checksums = await checksumInContainer(docker);
    for (const { digest, bytes } of image.layers) {
      expect(hub.bytesOf(digest)).toBeLessThan(bytes.length + BYTES_SENT_TWICE);
    }

    await hub.goAway();
    hub.journal.clear();
    await docker.removeAll("app:1");
    await docker.docker(["pull", "app:1"]);
    expect(await checksumInContainer(docker)).toBe(checksums);

    await mirror.restart();
    await docker.removeAll("app:1");
    await docker.docker(["pull", "app:1"]);
    expect(await checksumInContainer(docker)).toBe(checksums);
    expect(hub.requests).toEqual([]);
  });

  test("costs upstream a HEAD for the tag when it is pulled again later, and nothing else", async () => {
    await using world = await startWorld("1ms");
    const { hub, docker } = world;
    await docker.docker(["pull", "app:1"]);
    await docker.removeAll("app:1");
    hub.journal.clear();

    await docker.docker(["pull", "app:1"]);

    expect(new Set(hub.requests)).toEqual(new Set(["HEAD manifest 1 200"]));
    expect(await runApp(docker)).toBe("docker");
  });

  test("goes on after kill -9 in the middle without fetching again what was there", async () => {
    await using world = await startWorld();
    const { hub, mirror, docker } = world;
    const [, big] = image.layers;
    if (!big) throw new Error("the image has no big layer");
    hub.slowDownTo(BYTES_PER_SECOND);
    // Docker asks again after such a break, until it gives up: both outcomes are its own affair.
    const interrupted = docker.docker(["pull", "app:1"]).catch(() => undefined);
    await eventually("half of the layer to be sent", () => hub.bytesOf(big.digest) > 24 * MIB);

    await mirror.kill();
    hub.release();
    await mirror.start();
    await interrupted;
    await docker.docker(["pull", "app:1"]);

    expect(await runApp(docker)).toBe("docker");
    for (const { digest, bytes } of image.layers) {
      expect(hub.bytesOf(digest)).toBeLessThan(bytes.length + BYTES_LOST_BY_KILL);
    }
  });

  test("works with upstream gone after kill -9 right behind the first pull", async () => {
    await using world = await startWorld();
    const { hub, mirror, docker } = world;
    await docker.docker(["pull", "app:1"]);

    await mirror.kill();
    await hub.goAway();
    await mirror.start();
    await docker.removeAll("app:1");
    await docker.docker(["pull", "app:1"]);

    expect(await runApp(docker)).toBe("docker");
  });

  test("lets a slow pull finish after SIGTERM, takes no new connection, and ends with exit code 0", async () => {
    await using world = await startWorld();
    const { hub, mirror, docker } = world;
    hub.holdAfter(4 * MIB);
    const pull = docker.docker(["pull", "app:1"]);
    const slow = image.layers.filter(({ bytes }) => bytes.length > 4 * MIB);
    await eventually("all layers to be under way", () =>
      [image.config, ...slow].every(({ digest }) => hub.bytesOf(digest) > 0),
    );

    mirror.terminate();
    await eventually("new connections to be refused", async () => !(await mirror.isAnswering()));
    hub.release();

    await pull;
    expect(await mirror.exited()).toBe(0);
    expect(await runApp(docker)).toBe("docker");
  });
});

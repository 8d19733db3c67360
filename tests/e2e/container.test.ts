import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { importBaseImage } from "../support/e2e-base-image.ts";
import { Docker } from "../support/e2e-docker.ts";
import { download, freePort } from "../support/e2e-http.ts";
import { Hub } from "../support/e2e-hub.ts";
import { makeRunnableImage } from "../support/e2e-images.ts";
import { projectRoot } from "../support/e2e-project.ts";
import { pushImage } from "../support/e2e-push.ts";
import { eventually } from "../support/wait.ts";
import { makeTempDir } from "../support/temp-dir.ts";

const BUILD_TIMEOUT_MS = 300_000;
const BASE = "local/node:24";

let owned: AsyncDisposableStack;
let directory: string;
let docker: Docker;
let hub: Hub;
let mirrorHost: string;

beforeAll(async () => {
  await using stack = new AsyncDisposableStack();
  directory = stack.use(await makeTempDir()).path;
  hub = stack.use(await Hub.start(join(directory, "hub")));
  mirrorHost = `127.0.0.1:${await freePort()}`;
  const daemon = { directory: join(directory, "docker"), mirror: `http://${mirrorHost}` };
  docker = stack.use(await Docker.start(daemon));
  owned = stack.move();
  await mkdir(join(directory, "base"));
  await importBaseImage(docker, join(directory, "base"), BASE);
  const bases = ["BASE_BUILD", "BASE_RUNTIME"].flatMap((arg) => ["--build-arg", `${arg}=${BASE}`]);
  await docker.docker(["build", "--network=none", ...bases, "--tag", "entrepot", projectRoot], {
    env: { DOCKER_BUILDKIT: "1" },
    timeoutMs: BUILD_TIMEOUT_MS,
  });
}, BUILD_TIMEOUT_MS);

afterAll(async () => {
  await owned.disposeAsync();
});

/** Runs the container as docs/compose.yaml does, with the hub of these tests as upstream. */
async function startContainer(name: string): Promise<void> {
  const config = join(directory, `${name}.yaml`);
  const upstreams = { "docker.io": { endpoints: [hub.url] } };
  const server = { listen: mirrorHost };
  await writeFile(config, JSON.stringify({ server, storage: { path: "/data" }, upstreams }));
  await docker.docker([
    "run",
    "--detach",
    `--name=${name}`,
    "--network=host",
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    `--volume=${name}-data:/data`,
    `--volume=${config}:/etc/entrepot/mirror.config.yaml:ro`,
    // Sooner than the image says, so that nobody waits 10 s for the first verdict.
    "--health-interval=1s",
    "entrepot",
  ]);
}

/** As docs/commands.md says, beside the server. */
async function command(name: string, ...args: string[]): Promise<string> {
  return docker.docker(["exec", name, "entrepot", ...args, "--json"]);
}

async function inspect(name: string, format: string): Promise<string> {
  return docker.docker(["inspect", "--format", format, name]);
}

async function untilHealthy(name: string): Promise<void> {
  await eventually(`${name} to be healthy`, async () => {
    if ((await inspect(name, "{{.State.Running}}")) !== "true") {
      throw new Error(`${name} ended:\n${await docker.docker(["logs", name])}`);
    }
    return (await inspect(name, "{{.State.Health.Status}}")) === "healthy";
  });
}

describe("the container that the Dockerfile makes", () => {
  test("serves pulls without root and with a read-only root, gets healthy, and stops cleanly", async () => {
    const image = await makeRunnableImage(directory, { seed: "contained", layers: [4_000_000] });
    await pushImage(hub.pushUrl, "library/app", "1", image);
    await startContainer("mirror");
    await untilHealthy("mirror");

    await docker.docker(["pull", "app:1"]);
    expect(await docker.docker(["run", "--rm", "--network=none", "app:1"])).toBe("contained");
    expect(await docker.docker(["logs", "mirror"])).not.toContain("sendfile cannot be used");
    const [layer] = image.layers;
    const url = `http://${mirrorHost}/v2/library/app/blobs/${layer?.digest}`;
    expect(await download(url)).toMatchObject({ cache: "HIT", digest: layer?.digest });

    const id = await docker.docker(["exec", "mirror", "node", "-p", "process.getuid()"]);
    expect(Number(id)).toBeGreaterThan(0);
    const entries: { digest: string }[] = JSON.parse(await command("mirror", "ls", "--blobs"));
    expect(entries.map(({ digest }) => digest)).toContain(layer?.digest);
    expect(JSON.parse(await command("mirror", "stats"))).toMatchObject({
      runningSince: expect.any(Number),
      counts: { tags: 1 },
    });
    await command("mirror", "pin", "app:1");
    await docker.docker(["stop", "--time=20", "mirror"]);
    expect(await inspect("mirror", "{{.State.ExitCode}}")).toBe("0");

    await hub.goAway();
    await docker.docker(["start", "mirror"]);
    await untilHealthy("mirror");
    expect(await download(url)).toMatchObject({ cache: "HIT", digest: layer?.digest });
    expect(JSON.parse(await command("mirror", "pins"))).toMatchObject([
      { name: "docker.io/library/app:1", present: true },
    ]);
    await docker.docker(["rm", "--force", "--volumes", "mirror"]);
    await hub.comeBack();
  });

  test("serves on :5000 with the configuration it brings along", async () => {
    await docker.docker(["run", "--detach", "--name=plain", "--network=host", "entrepot"]);
    await eventually("the container to answer", () =>
      download("http://127.0.0.1:5000/v2/").then(
        ({ status }) => status === 200,
        () => false,
      ),
    );
    await docker.docker(["exec", "plain", "test", "-w", "/data"]);
    await docker.docker(["rm", "--force", "--volumes", "plain"]);
  });

  test("holds neither development tools nor a second Node", async () => {
    const list = [
      "run",
      "--rm",
      "--network=none",
      "--entrypoint=ls",
      "entrepot",
      "/app/node_modules",
    ];
    const modules = (await docker.docker(list)).split("\n");
    expect(modules).toContain("better-sqlite3");
    expect(modules).not.toContain("typescript");
    expect(modules.filter((name) => name.startsWith("node-linux"))).toEqual([]);
  });
});

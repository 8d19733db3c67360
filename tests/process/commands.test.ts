import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, jest, test } from "@jest/globals";
import { request } from "undici";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeImage } from "../support/images.ts";
import { MirrorProcess } from "../support/mirror-process.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { runMain } from "../unit/cli/run-main.ts";

const image = makeImage({ layers: [3000, 4000] });
const digests = [image.config, ...image.layers].map(({ digest }) => digest);
const name = "docker.io/library/app:latest";

// Each test starts several processes, and other tests run beside it.
jest.setTimeout(60_000);

/** A mirror that runs in a process of its own and has `image` in its cache. */
class FilledMirror implements AsyncDisposable {
  readonly directory: string;
  readonly mirror: MirrorProcess;
  readonly #parts: AsyncDisposableStack;

  private constructor(directory: string, mirror: MirrorProcess, parts: AsyncDisposableStack) {
    this.directory = directory;
    this.mirror = mirror;
    this.#parts = parts;
  }

  static async start(): Promise<FilledMirror> {
    await using parts = new AsyncDisposableStack();
    const registry = parts.use(await FakeRegistry.start());
    const { path: directory } = parts.use(await makeTempDir());
    registry.addImage("library/app", "latest", image);
    const options = { directory, endpoints: [registry.url] };
    const mirror = parts.use(await MirrorProcess.start(options));
    await fetchBody(`${mirror.url}/v2/library/app/manifests/latest`);
    for (const digest of digests) {
      await fetchBody(`${mirror.url}/v2/library/app/blobs/${digest}`);
    }
    return new FilledMirror(directory, mirror, parts.move());
  }

  /** A command on the same configuration. */
  run(...args: string[]) {
    return runMain([...args, "--config", "mirror.yaml"], { cwd: this.directory });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts[Symbol.asyncDispose]();
  }
}

async function fetchBody(url: string): Promise<void> {
  const { statusCode, body } = await request(url);
  await body.dump();
  if (statusCode !== 200) throw new Error(`${url}: ${statusCode}`);
}

describe("commands while a server runs", () => {
  test("show what it holds", async () => {
    await using filled = await FilledMirror.start();
    const listed = await filled.run("ls", "app");
    expect(listed).toMatchObject({ code: 0, stderr: "" });
    expect(listed.stdout).toContain("docker.io/library/app ");
    const tags = await filled.run("ls", "--tags", "--json");
    expect(JSON.parse(tags.stdout)).toMatchObject([{ name, digest: image.manifest.digest }]);
    const shown = await filled.run("show", "app");
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout).toContain("  here       3 of 3 blobs");
    const stats = await filled.run("stats", "--json");
    expect(JSON.parse(stats.stdout)).toMatchObject({
      runningSince: expect.any(Number),
      counts: { repositories: 1, tags: 1, manifests: 1 },
      traffic: { requests: 4 },
    });
  });

  test("pin, and nothing takes what is pinned until it is unpinned", async () => {
    await using filled = await FilledMirror.start();
    expect(await filled.run("pin", "app", "--note", "for the test")).toMatchObject({
      code: 0,
      stdout: `pinned ${name} (for the test)\n`,
    });
    expect((await filled.run("pins")).stdout).toContain(name);
    const refused = await filled.run("rm", "app");
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(/^error: .*unpin/);
    expect(await filled.run("unpin", "app")).toMatchObject({ code: 0 });
    const removed = await filled.run("rm", "app");
    expect(removed.stdout).toContain(`removed ${name}: 1 tag, 1 manifest, 3 blobs`);
    expect(await filled.run("ls", "--json")).toMatchObject({ code: 0, stdout: "[]\n" });
  });

  test("say what an eviction would take, and take it", async () => {
    await using filled = await FilledMirror.start();
    const tried = await filled.run("evict", "--to", "0B", "--dry-run", "--json");
    expect(JSON.parse(tried.stdout)).toMatchObject({ blobs: 3, reached: true });
    expect((await filled.run("verify", "--all")).stdout).toContain("3 blobs and 1 manifest");
    expect(await filled.run("evict", "--to", "0B")).toMatchObject({ code: 0 });
    expect(await filled.run("ls", "--blobs", "--json")).toMatchObject({ stdout: "[]\n" });
  });

  test("find a blob that was changed on disk, and repair it", async () => {
    await using filled = await FilledMirror.start();
    const [digest = ""] = digests;
    const hex = digest.replace("sha256:", "");
    const file = join(filled.directory, "data/blobs/sha256", hex.slice(0, 2), hex);
    await writeFile(file, "x".repeat((await stat(file)).size));
    const found = await filled.run("verify", "--all", "--repair");
    expect(found).toMatchObject({ code: 0 });
    expect(found.stdout).toContain(digest);
    expect(found.stdout).toContain("1 damaged, 1 repaired");
    expect(await filled.run("verify", "--all")).toMatchObject({ code: 0 });
  });

  test("go over a socket that is for the server's user only", async () => {
    await using filled = await FilledMirror.start();
    const { mode } = await stat(join(filled.directory, "data", "control.sock"));
    expect(mode & 0o777).toBe(0o600);
  });

  test("end quietly when their reader has enough", async () => {
    await using filled = await FilledMirror.start();
    const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
    const config = join(filled.directory, "mirror.yaml");
    const child = spawn(process.execPath, [main, "ls", "--blobs", "--config", config], {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 20_000,
    });
    child.stdout.destroy();
    const exited = once(child, "exit");
    expect(await text(child.stderr)).toBe("");
    await exited;
    expect(child.signalCode).toBeNull();
  });
});

describe("a second server on the same storage", () => {
  test("does not start, and says which process holds it", async () => {
    await using filled = await FilledMirror.start();
    const { code, stdout, stderr } = await filled.run("serve");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/process \d+ on .*entrepot serve.*http:\/\/127\.0\.0\.1:\d+/);
  });
});

describe("commands that cannot reach the server", () => {
  test("say which process it is, and what to do", async () => {
    await using filled = await FilledMirror.start();
    await rm(join(filled.directory, "data", "control.sock"));
    const { code, stderr } = await filled.run("ls");
    expect(code).toBe(1);
    expect(stderr).toMatch(/process \d+ on .* holds it, and does not listen .*restart it/);
  });
});

describe("commands without a server", () => {
  test.each(["SIGTERM", "SIGKILL"] as const)("work on what %s left", async (signal) => {
    await using filled = await FilledMirror.start();
    filled.mirror.signal(signal);
    await filled.mirror.exited;
    const shown = await filled.run("show", "app", "--json");
    expect(shown.stderr).toBe("");
    expect(JSON.parse(shown.stdout)).toMatchObject({ name, manifest: { present: true } });
    expect(await filled.run("pin", "app")).toMatchObject({ code: 0 });
    const stats = await filled.run("stats", "--json");
    const { runningSince, counts } = JSON.parse(stats.stdout);
    expect({ runningSince, counts }).toMatchObject({
      runningSince: undefined,
      counts: { tags: 1, pins: 1 },
    });
  });

  test("make no cache where there is none", async () => {
    await using dir = await makeTempDir();
    await writeFile(join(dir.path, "mirror.config.yaml"), "storage: { path: ./data }");
    const { code, stdout, stderr } = await runMain(["ls"], { cwd: dir.path });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(join(dir.path, "data"));
    await expect(stat(join(dir.path, "data"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("look at upstreams without a cache, and make none", async () => {
    await using dir = await makeTempDir();
    await using registry = await FakeRegistry.start();
    registry.addImage("library/app", "latest", image);
    const endpoints = `upstreams: { docker.io: { endpoints: ["${registry.url}"] } }`;
    await writeFile(join(dir.path, "mirror.config.yaml"), endpoints);
    const listed = await runMain(["upstreams"], { cwd: dir.path });
    expect(listed).toMatchObject({ code: 0 });
    expect(listed.stdout).toContain("unused");
    const tested = await runMain(["upstreams", "test", "app"], { cwd: dir.path });
    expect(tested).toMatchObject({ code: 0, stderr: "" });
    expect(tested.stdout).toContain("docker.io: ok");
    await expect(stat(join(dir.path, "data"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("with a wrong configuration end with 2", async () => {
    await using dir = await makeTempDir();
    await writeFile(join(dir.path, "mirror.config.yaml"), "wrong: 1");
    const { code, stdout, stderr } = await runMain(["ls"], { cwd: dir.path });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("wrong: unknown key");
  });
});

import { describe, expect, test } from "@jest/globals";
import { request } from "undici";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeBlob, makeImage } from "../support/images.ts";
import { MirrorProcess } from "../support/mirror-process.ts";
import { makeTempDir } from "../support/temp-dir.ts";

const mib = 1024 * 1024;
const blob = makeBlob(64 * mib);
const path = `/v2/library/app/blobs/${blob.digest}`;

async function get(url: string): Promise<Buffer> {
  const { statusCode, body } = await request(url);
  const bytes = Buffer.from(await body.arrayBuffer());
  if (statusCode !== 200) throw new Error(`${statusCode}: ${bytes.toString()}`);
  return bytes;
}

/** Reads until `count` bytes have come, and leaves the rest. */
async function readFront(url: string, count: number): Promise<void> {
  const { body } = await request(url);
  let received = 0;
  body.on("error", () => undefined);
  for await (const chunk of body) {
    received += chunk.length;
    if (received >= count) return;
  }
}

describe("kill -9", () => {
  test("in the middle of a download costs the bytes of a moment, not those before", async () => {
    await using registry = await FakeRegistry.start({ cdn: {} });
    await using dir = await makeTempDir();
    registry.addBlob("library/app", blob);
    registry.inject({ kind: "blob" }, { stallAfter: 48 * mib, times: 1 });
    const options = { directory: dir.path, endpoints: [registry.url] };
    {
      await using mirror = await MirrorProcess.start(options);
      await readFront(mirror.url + path, 47 * mib);
      mirror.signal("SIGKILL");
      expect(await mirror.exited).toBe("SIGKILL");
    }
    await using mirror = await MirrorProcess.start(options);
    const bytes = await get(mirror.url + path);
    expect(bytes.equals(blob.bytes)).toBe(true);
    expect(registry.journal.bytesSent({ kind: "blob", status: 206 })).toBeLessThan(48 * mib);
  });

  test("right after a pull loses nothing of it", async () => {
    await using registry = await FakeRegistry.start({ cdn: {} });
    await using dir = await makeTempDir();
    const image = makeImage({ layers: [5 * mib] });
    registry.addImage("library/app", "latest", image);
    const options = { directory: dir.path, endpoints: [registry.url] };
    const layer = `/v2/library/app/blobs/${image.layers[0]?.digest}`;
    {
      await using mirror = await MirrorProcess.start(options);
      await get(`${mirror.url}/v2/library/app/manifests/latest`);
      await get(mirror.url + layer);
      mirror.signal("SIGKILL");
      await mirror.exited;
    }
    await registry.stop();
    await using mirror = await MirrorProcess.start(options);
    const manifest = await get(`${mirror.url}/v2/library/app/manifests/latest`);
    expect(manifest.equals(image.manifest.bytes)).toBe(true);
    expect((await get(mirror.url + layer)).equals(image.layers[0]?.bytes ?? manifest)).toBe(true);
  });
});

describe("SIGTERM", () => {
  test("lets a running transfer finish, refuses new ones, and exits with 0", async () => {
    await using registry = await FakeRegistry.start();
    await using dir = await makeTempDir();
    registry.addBlob("library/app", blob);
    const stall = registry.inject({ kind: "blob" }, { stallAfter: 48 * mib });
    await using mirror = await MirrorProcess.start({
      directory: dir.path,
      endpoints: [registry.url],
    });
    const running = get(mirror.url + path);
    await stall.reached;
    mirror.signal("SIGTERM");
    await refused(mirror.url);
    stall.release();
    expect((await running).equals(blob.bytes)).toBe(true);
    expect(await mirror.exited).toBe(0);
  });

  test("a second time ends it at once", async () => {
    await using registry = await FakeRegistry.start();
    await using dir = await makeTempDir();
    registry.addBlob("library/app", blob);
    const stall = registry.inject({ kind: "blob" }, { stallAfter: 4 * mib });
    await using mirror = await MirrorProcess.start({
      directory: dir.path,
      endpoints: [registry.url],
    });
    const cut = expect(get(mirror.url + path)).rejects.toThrow();
    await stall.reached;
    mirror.signal("SIGTERM");
    await refused(mirror.url);
    mirror.signal("SIGTERM");
    await cut;
    expect(await mirror.exited).toBe(1);
  });
});

/** Resolves once the mirror takes no new connections. */
async function refused(url: string): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    const answer = await request(`${url}/v2/`, { reset: true }).catch(() => undefined);
    if (answer === undefined) return;
    await answer.body.dump();
    if (answer.statusCode === 503) return;
  }
  throw new Error("the mirror goes on taking requests");
}

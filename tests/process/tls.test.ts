import { describe, expect, test } from "@jest/globals";
import { request } from "undici";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeImage } from "../support/images.ts";
import { MirrorProcess } from "../support/mirror-process.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { certificateFile, TlsFront } from "../support/tls-front.ts";

const image = makeImage({ layers: [3_000_000] });
const layer = image.layers[0]?.digest;

describe("an upstream that speaks https", () => {
  test("is pulled from", async () => {
    await using registry = await FakeRegistry.start({ auth: {} });
    await using front = await TlsFront.start(registry.url);
    await using dir = await makeTempDir();
    registry.addImage("library/app", "latest", image);
    await using mirror = await MirrorProcess.start({
      directory: dir.path,
      endpoints: [front.url],
      env: { NODE_EXTRA_CA_CERTS: certificateFile },
    });
    const { statusCode, body } = await request(`${mirror.url}/v2/library/app/blobs/${layer}`);
    const bytes = Buffer.from(await body.arrayBuffer());
    expect(statusCode).toBe(200);
    expect(bytes.equals(image.layers[0]?.bytes ?? Buffer.alloc(0))).toBe(true);
  });

  test("whose redirects lead to http is refused: anybody on the way could answer there", async () => {
    await using registry = await FakeRegistry.start({ cdn: {} });
    await using front = await TlsFront.start(registry.url);
    await using dir = await makeTempDir();
    registry.addImage("library/app", "latest", image);
    await using mirror = await MirrorProcess.start({
      directory: dir.path,
      endpoints: [front.url],
      env: { NODE_EXTRA_CA_CERTS: certificateFile },
    });
    const { statusCode, body } = await request(`${mirror.url}/v2/library/app/blobs/${layer}`);
    await body.dump();
    expect(statusCode).toBe(502);
    expect(registry.journal.count({ server: "cdn" })).toBe(0);
  });

  test("with a certificate that nobody vouches for is as good as unreachable", async () => {
    await using registry = await FakeRegistry.start();
    await using front = await TlsFront.start(registry.url);
    await using dir = await makeTempDir();
    registry.addImage("library/app", "latest", image);
    await using mirror = await MirrorProcess.start({
      directory: dir.path,
      endpoints: [front.url],
    });
    const { statusCode, body } = await request(`${mirror.url}/v2/library/app/manifests/latest`);
    await body.dump();
    expect(statusCode).toBe(503);
    expect(registry.journal.entries).toEqual([]);
  });
});

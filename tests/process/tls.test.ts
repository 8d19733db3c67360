import { describe, expect, test } from "@jest/globals";
import { request } from "undici";
import { FakeRegistry, type FakeRegistryOptions } from "../support/fake-registry.ts";
import { makeImage } from "../support/images.ts";
import { MirrorProcess } from "../support/mirror-process.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { certificateFile, TlsFront } from "../support/tls-front.ts";

const image = makeImage({ layers: [3_000_000] });
const layer = image.layers[0] ?? image.config;
const trusting = { NODE_EXTRA_CA_CERTS: certificateFile };

/** Asks a mirror of its own for the layer, with the registry behind https. */
async function getLayer(options: FakeRegistryOptions, env: Record<string, string>) {
  await using registry = await FakeRegistry.start(options);
  await using front = await TlsFront.start(registry.url);
  await using dir = await makeTempDir();
  registry.addImage("library/app", "latest", image);
  const endpoints = [front.url];
  await using mirror = await MirrorProcess.start({ directory: dir.path, endpoints, env });
  const answer = await request(`${mirror.url}/v2/library/app/blobs/${layer.digest}`);
  const bytes = Buffer.from(await answer.body.arrayBuffer());
  return { status: answer.statusCode, bytes, journal: registry.journal };
}

describe("an upstream that speaks https", () => {
  test("is pulled from", async () => {
    const { status, bytes } = await getLayer({ auth: {} }, trusting);
    expect(status).toBe(200);
    expect(bytes.equals(layer.bytes)).toBe(true);
  });

  test("whose redirects lead to http is refused: anybody on the way could answer there", async () => {
    const { status, journal } = await getLayer({ cdn: {} }, trusting);
    expect(status).toBe(502);
    expect(journal.count({ server: "cdn" })).toBe(0);
  });

  test("with a certificate that nobody vouches for is as good as unreachable", async () => {
    const { status, journal } = await getLayer({}, {});
    expect(status).toBe(503);
    expect(journal.entries).toEqual([]);
  });
});

import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../../support/fake-registry.ts";
import { makeImage, type TestImage } from "../../support/images.ts";
import { chunksOf } from "../../support/remote-blob-chunks.ts";
import { app, latest, openBlob, openUpstream, readAll } from "./open-upstream.ts";

const image = makeImage({ layers: [100_000] });
const [layer = image.config] = image.layers;

async function startRegistry(content: TestImage): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start();
  registry.addImage(app, "latest", content);
  return registry;
}

describe("what onReceived is told", () => {
  test("are a blob's bytes, as they come", async () => {
    await using registry = await startRegistry(image);
    const received: number[] = [];
    const onReceived = (bytes: number) => received.push(bytes);
    await using opened = openUpstream(registry.url, { onReceived });
    const remote = await openBlob(opened.upstream, layer, { start: 40_000 });
    expect(received).toEqual([]);
    let read = 0;
    for await (const chunk of chunksOf(remote)) {
      read += chunk.length;
      expect(sum(received)).toBe(read);
    }
    expect(read).toBe(60_000);
  });

  test("are the bytes of a body that breaks off, as far as they came", async () => {
    await using registry = await startRegistry(image);
    registry.inject({ kind: "blob", method: "GET" }, { stallAfter: 30_000 });
    const received: number[] = [];
    const onReceived = (bytes: number) => received.push(bytes);
    await using opened = openUpstream(registry.url, { onReceived, stallTimeoutMs: 200 });
    const remote = await openBlob(opened.upstream, layer);
    await expect(readAll(remote)).rejects.toThrow();
    expect(sum(received)).toBe(30_000);
  });

  test("is a manifest's size, and nothing for a HEAD", async () => {
    await using registry = await startRegistry(image);
    const received: number[] = [];
    const onReceived = (bytes: number) => received.push(bytes);
    await using opened = openUpstream(registry.url, { onReceived });
    await opened.upstream.headManifest(app, latest);
    await opened.upstream.headBlob(app, layer.digest);
    expect(received).toEqual([]);
    await opened.upstream.getManifest(app, latest);
    expect(received).toEqual([image.manifest.bytes.length]);
  });
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

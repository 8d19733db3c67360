import { describe, expect, test } from "@jest/globals";
import { TestMirror } from "../support/test-mirror.ts";

const megabyte = 1024 ** 2;

/** Every host is let in, and nothing may be pulled from any, so that none is asked. */
function startMirror() {
  return TestMirror.start({
    host: "registry.example",
    endpoints: ["http://127.0.0.1:9"],
    registries: { "*": { endpoints: [], deny: [{ text: "**", place: "here" }] } },
  });
}

function takenMemory(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe("registries that a pattern lets in", () => {
  test("are where everybody knows them to be", async () => {
    await using mirror = await startMirror();
    for (const host of ["index.docker.io", "ghcr.io"]) {
      expect((await mirror.get(`/v2/team/app/tags/list?ns=${host}`)).status).toBe(403);
    }
    const listed = await mirror.run("listUpstreams", {});
    expect(listed.map(({ host, endpoints }) => [host, ...endpoints.map(({ url }) => url)])).toEqual(
      expect.arrayContaining([
        ["docker.io", "https://registry-1.docker.io"],
        ["ghcr.io", "https://ghcr.io"],
      ]),
    );
  });

  test("take little memory, however many a client names", async () => {
    await using mirror = await startMirror();
    const before = takenMemory();
    for (let count = 0; count < 400; count += 1) {
      const path = `/v2/team/app/tags/list?ns=host-${count}.example.com`;
      expect((await mirror.get(path)).status).toBe(403);
    }
    expect(await mirror.run("listUpstreams", {})).toHaveLength(401);
    expect((takenMemory() - before) / megabyte).toBeLessThan(200);
  });
});

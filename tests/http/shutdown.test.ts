import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeBlob } from "../support/images.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { TestMirror } from "../support/test-mirror.ts";

const mib = 1024 * 1024;
const blob = makeBlob(8 * mib);
const path = `/v2/library/app/blobs/${blob.digest}`;

describe("draining", () => {
  test("lets a running transfer finish and takes no new request", async () => {
    await using registry = await FakeRegistry.start();
    registry.addBlob("library/app", blob);
    const stall = registry.inject({ kind: "blob" }, { stallAfter: mib });
    const upstream = { stallTimeoutMs: 10_000 };
    await using mirror = await TestMirror.start({ endpoints: [registry.url], upstream });
    const running = mirror.get(path);
    await stall.reached;
    const drained = mirror.drain();
    await expect(mirror.get("/v2/")).rejects.toThrow();
    stall.release();
    expect((await running).body.equals(blob.bytes)).toBe(true);
    await drained;
  });

  test("ends transfers at the deadline; what came so far is not fetched again", async () => {
    await using registry = await FakeRegistry.start();
    registry.addBlob("library/app", blob);
    registry.inject({ kind: "blob" }, { stallAfter: 4 * mib, times: 1 });
    await using dir = await makeTempDir();
    const options = {
      endpoints: [registry.url],
      storage: dir.path,
      upstream: { stallTimeoutMs: 30_000 },
      drainTimeoutMs: 200,
    };
    {
      await using mirror = await TestMirror.start(options);
      const response = await mirror.open(path);
      const front = response.body.iterator();
      for (let bytes = 0; bytes < 2 * mib;) {
        const next: IteratorResult<Buffer> = await front.next();
        bytes += next.value?.length ?? 0;
      }
      const cut = expect(front.next().then(() => drainAll(front))).rejects.toThrow();
      await mirror.drain();
      await cut;
    }
    await using mirror = await TestMirror.start(options);
    const answer = await mirror.get(path);
    expect(answer.body.equals(blob.bytes)).toBe(true);
    expect(registry.journal.bytesSent({ kind: "blob", status: 206 })).toBeLessThanOrEqual(6 * mib);
  });
});

async function drainAll(parts: AsyncIterator<Buffer>): Promise<void> {
  while (!(await parts.next()).done);
}

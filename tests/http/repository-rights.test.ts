import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const blob = makeBlob(300_000, "a layer of library/app");
const path = `/v2/library/app/blobs/${blob.digest}`;
const strangerPath = `/v2/library/stranger/blobs/${blob.digest}`;
const stranger = { kind: "blob", repository: "library/stranger" } as const;

async function startRegistry(): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start();
  registry.addBlob("library/app", blob);
  return registry;
}

describe("a blob that two repositories are asked for at once", () => {
  test("is given by the one alone that upstream gives it from", async () => {
    await using registry = await startRegistry();
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const answers = await Promise.all([mirror.get(path), mirror.get(strangerPath)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 404]);
  });

  test.each([
    ["does not have it", {}],
    ["may not be read", { status: 403 }],
  ])("is given by the one, also when the first asked %s", async (_, refusal) => {
    await using registry = await startRegistry();
    const hold = registry.inject({ ...stranger, method: "GET" }, { hold: true, ...refusal });
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const refused = mirror.get(strangerPath);
    await hold.reached;
    const answers = [mirror.get(path), mirror.head(path)];
    await registry.journal.waitFor({ repository: "library/app", method: "HEAD", status: 200 });
    hold.release();
    expect((await refused).status).toBe(404);
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses).toEqual([200, 200]);
  });

  test("costs one download, and one HEAD for the right of the other", async () => {
    await using registry = await startRegistry();
    registry.addBlob("library/other", blob);
    const hold = registry.inject({ kind: "blob", method: "GET" }, { hold: true });
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const first = mirror.get(path);
    await hold.reached;
    const second = mirror.get(`/v2/library/other/blobs/${blob.digest}`);
    await registry.journal.waitFor({ repository: "library/other", status: 200 });
    hold.release();
    expect((await first).body.equals(blob.bytes)).toBe(true);
    expect((await second).body.equals(blob.bytes)).toBe(true);
    expect(registry.journal.count({ method: "GET" })).toBe(1);
    expect(registry.journal.count({ method: "HEAD" })).toBe(1);
  });
});

describe("clients of one repository that ask for a blob at once", () => {
  test("cost upstream one request", async () => {
    await using registry = await startRegistry();
    const hold = registry.inject({ kind: "blob" }, { hold: true });
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const first = mirror.get(path);
    await hold.reached;
    const others = Array.from({ length: 10 }, () => mirror.get(path));
    hold.release();
    for (const answer of await Promise.all([first, ...others])) {
      expect(answer.body.equals(blob.bytes)).toBe(true);
    }
    expect(registry.journal.entries).toHaveLength(1);
  });
});

import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeImage } from "../support/images.ts";
import { pull } from "../support/pull.ts";
import { TestMirror } from "../support/test-mirror.ts";
import { eventually } from "../support/wait.ts";

const image = makeImage();
const path = "/v2/library/app/manifests/latest";

function isTrouble(level: string): boolean {
  return level === "warn" || level === "error";
}

describe("an upstream that is unreachable", () => {
  test("at the start does not keep the mirror from starting, and is used once it is there", async () => {
    await using registry = await FakeRegistry.start({ auth: {} });
    registry.addImage("library/app", "latest", image);
    await registry.stop();
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const refused = await mirror.get(path);
    expect(refused.status).toBe(503);
    expect(refused.headers["content-type"]).toBe("application/json");
    await registry.restart();
    await pull(mirror, "app", "latest", image);
  });

  test("is left alone for a while: pulls of what is here go on without asking it", async () => {
    await using registry = await FakeRegistry.start({ auth: {} });
    registry.addImage("library/app", "latest", image);
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    await pull(mirror, "app", "latest", image);
    const hang = registry.inject({ server: "registry" }, { disconnect: true });
    mirror.clock.advance(3_600_000);
    await eventually("five requests in a row have failed", async () => {
      expect((await pull(mirror, "app", "latest", image)).tag).toBe("STALE");
      return hang.hits >= 5;
    });
    for (let round = 0; round < 10; round += 1) await pull(mirror, "app", "latest", image);
    expect(hang.hits).toBe(5);
    hang.remove();
    mirror.clock.advance(120_000);
    expect((await pull(mirror, "app", "latest", image)).tag).toBe("REVALIDATED");
  });

  test("is told in the log once, and so is its return", async () => {
    await using registry = await FakeRegistry.start({ auth: {} });
    registry.addImage("library/app", "latest", image);
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    await pull(mirror, "app", "latest", image);
    await registry.stop();
    mirror.clock.advance(3_600_000);
    for (let round = 0; round < 20; round += 1) await mirror.get(path);
    const troubles = mirror.log.filter(({ level }) => isTrouble(level));
    expect(troubles.length).toBeGreaterThan(0);
    expect(troubles.length).toBeLessThanOrEqual(2);
    await registry.restart();
    mirror.clock.advance(120_000);
    await mirror.get(path);
    expect(
      mirror.log.some(({ level, msg }) => level === "info" && /again|recovered/.test(msg)),
    ).toBe(true);
  });
});

describe("credentials", () => {
  const auth = { anonymous: false, users: { me: "s3cret-pass" } };

  test("get a private image, and show up nowhere", async () => {
    await using registry = await FakeRegistry.start({ auth, cdn: {} });
    registry.addImage("library/app", "latest", image);
    const password = { text: "s3cret-pass" };
    await using mirror = await TestMirror.start({
      endpoints: [registry.url],
      upstream: { accounts: [{ kind: "password", username: "me", password }] },
    });
    await pull(mirror, "app", "latest", image);
    const log = JSON.stringify(mirror.log);
    expect(log).not.toContain("s3cret");
    expect(log).not.toContain(Buffer.from("me:s3cret-pass").toString("base64"));
    for (const { headers } of registry.journal.list({ kind: "blob" })) {
      expect(headers.authorization).toBeUndefined();
    }
  });

  test("a client's are not passed on", async () => {
    await using registry = await FakeRegistry.start({ auth: {}, cdn: {} });
    registry.addImage("library/app", "latest", image);
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    await mirror.get(path, { authorization: "Basic bWU6Y2xpZW50LXNlY3JldA==" });
    const sent = registry.journal.list().map(({ headers }) => headers.authorization ?? "");
    expect(sent.some((authorization) => authorization.startsWith("Basic"))).toBe(false);
    expect(JSON.stringify(mirror.log)).not.toContain("bWU6Y2xpZW50LXNlY3JldA");
  });
});

describe("the request log", () => {
  test("has one line a request, with what became of it", async () => {
    await using registry = await FakeRegistry.start();
    registry.addImage("library/app", "latest", image);
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    await mirror.get(path);
    await mirror.get(path);
    const lines = mirror.log.filter(({ route }) => route === "manifest");
    expect(lines).toMatchObject([
      {
        level: "info",
        method: "GET",
        repository: "library/app",
        reference: "latest",
        status: 200,
        bytes: image.manifest.bytes.length,
        cache: "MISS",
        upstreamAttempts: 2,
        requestId: expect.any(String),
        ms: expect.any(Number),
      },
      { cache: "HIT", upstreamAttempts: 0 },
    ]);
  });
});

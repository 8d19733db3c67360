import { describe, expect, test } from "@jest/globals";
import type { RuleConfig } from "../../src/config/config.ts";
import { parseNamePattern } from "../../src/oci/name-pattern.ts";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeImage } from "../support/images.ts";
import { pull } from "../support/pull.ts";
import { ShiftedClock } from "../support/shifted-clock.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = makeImage();
const newer = makeImage({ seed: "newer" });
const dayMs = 86_400_000;
const latest = "/v2/app/manifests/latest";

function rule(text: string, settings: Omit<RuleConfig, "pattern" | "place">): RuleConfig {
  return { pattern: parseNamePattern(text), place: "mirror.config.yaml:2", ...settings };
}

async function startRegistry(): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start();
  registry.addImage("library/app", "latest", image);
  return registry;
}

describe("revalidateAfter of a rule", () => {
  test("holds for the tags that it matches, and for no other", async () => {
    await using registry = await startRegistry();
    registry.addImage("library/app", "1.0", image);
    const rules = [rule("docker.io/library/app:1.*", { revalidateAfterMs: dayMs })];
    await using mirror = await TestMirror.start({ endpoints: [registry.url], rules });
    await pull(mirror, "app", "latest", image);
    await pull(mirror, "app", "1.0", image);
    mirror.clock.advance(dayMs / 2);
    expect((await mirror.get("/v2/app/manifests/1.0")).headers["x-cache"]).toBe("HIT");
    expect((await mirror.get(latest)).headers["x-cache"]).toBe("REVALIDATED");
  });
});

describe("serveStaleFor of a rule", () => {
  test("says how old a copy may be when upstream is away", async () => {
    await using registry = await startRegistry();
    registry.addImage("library/other", "latest", image);
    const rules = [rule("docker.io/library/other", { serveStaleForMs: 60 * dayMs })];
    await using mirror = await TestMirror.start({ endpoints: [registry.url], rules });
    await pull(mirror, "app", "latest", image);
    await pull(mirror, "other", "latest", image);
    await registry.stop();
    mirror.clock.advance(40 * dayMs);
    expect((await mirror.get(latest)).status).toBe(503);
    const old = await mirror.get("/v2/other/manifests/latest");
    expect({ status: old.status, cache: old.headers["x-cache"] }).toEqual({
      status: 200,
      cache: "STALE",
    });
  });
});

describe("a tag that a rule calls immutable", () => {
  test("is served without ever asking upstream once it is here", async () => {
    await using registry = await startRegistry();
    const rules = [rule("docker.io/library/app", { immutable: true })];
    await using mirror = await TestMirror.start({ endpoints: [registry.url], rules });
    await pull(mirror, "app", "latest", image);
    registry.addImage("library/app", "latest", newer);
    const asked = registry.journal.list().length;
    mirror.clock.advance(365 * dayMs);
    expect((await pull(mirror, "app", "latest", image)).tag).toBe("HIT");
    expect(registry.journal.list().length).toBe(asked);
  });
});

/** It keeps the tag `latest`, and has it. */
async function startKeeping(registry: FakeRegistry) {
  const rules = [rule("docker.io/library/app", { onUpstreamDelete: "keep" })];
  const mirror = await TestMirror.start({ endpoints: [registry.url], rules });
  await pull(mirror, "app", "latest", image);
  return mirror;
}

describe("a tag that upstream has deleted", () => {
  test("is gone from here too, unless a rule says otherwise", async () => {
    await using registry = await startRegistry();
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    await pull(mirror, "app", "latest", image);
    registry.deleteTag("library/app", "latest");
    mirror.clock.advance(dayMs);
    expect((await mirror.get(latest)).status).toBe(404);
  });

  test("is served on where a rule keeps it, and says so", async () => {
    await using registry = await startRegistry();
    await using mirror = await startKeeping(registry);
    registry.deleteTag("library/app", "latest");
    mirror.clock.advance(dayMs);
    const { status, headers } = await mirror.get(latest);
    expect({ status, cache: headers["x-cache"], warning: headers["warning"] }).toEqual({
      status: 200,
      cache: "STALE",
      warning: '299 - "docker.io no longer has this tag; this is what it last had"',
    });
    expect(Number(headers["age"])).toBeGreaterThanOrEqual(dayMs / 1000);
    expect((await pull(mirror, "app", "latest", image)).tag).toBe("STALE");
  });

  test("is not asked about at each request, but from time to time", async () => {
    await using registry = await startRegistry();
    await using mirror = await startKeeping(registry);
    registry.deleteTag("library/app", "latest");
    mirror.clock.advance(dayMs);
    const requests = registry.journal.list().length;
    for (let round = 0; round < 5; round += 1) await mirror.get(latest);
    expect(registry.journal.list().length).toBe(requests + 1);
    mirror.clock.advance(61_000);
    await mirror.get(latest);
    expect(registry.journal.list().length).toBe(requests + 2);
  });

  test("is kept however long it has been gone, also over a restart", async () => {
    await using registry = await startRegistry();
    await using storage = await makeTempDir();
    const rules = [rule("docker.io/library/app", { onUpstreamDelete: "keep" })];
    const options = { endpoints: [registry.url], storage: storage.path, rules };
    const clock = new ShiftedClock();
    {
      await using first = await TestMirror.start({ ...options, clock });
      await pull(first, "app", "latest", image);
      registry.deleteTag("library/app", "latest");
      clock.advance(1000 * dayMs);
      expect((await first.get(latest)).headers["x-cache"]).toBe("STALE");
    }
    clock.advance(1000 * dayMs);
    await using second = await TestMirror.start({ ...options, clock });
    expect((await pull(second, "app", "latest", image)).tag).toBe("STALE");
  });

  test("is kept as well where upstream denies access, as Docker Hub does after a deletion", async () => {
    await using registry = await startRegistry();
    await using mirror = await startKeeping(registry);
    registry.inject({ kind: "manifest" }, { status: 403 });
    mirror.clock.advance(dayMs);
    const { status, headers } = await mirror.get(latest);
    expect({ status, warning: headers["warning"] }).toEqual({
      status: 200,
      warning: '299 - "docker.io denies access to this tag; this is what it last had"',
    });
  });

  test("is followed again once upstream has it", async () => {
    await using registry = await startRegistry();
    await using mirror = await startKeeping(registry);
    registry.deleteTag("library/app", "latest");
    mirror.clock.advance(dayMs);
    await mirror.get(latest);
    registry.addImage("library/app", "latest", newer);
    mirror.clock.advance(61_000);
    expect((await pull(mirror, "app", "latest", newer)).tag).toBe("MISS");
  });

  test("is a plain 404 where there is nothing to keep", async () => {
    await using registry = await startRegistry();
    await using mirror = await startKeeping(registry);
    expect((await mirror.get("/v2/app/manifests/other")).status).toBe(404);
  });
});

describe("what a rule denies", () => {
  const paths = [
    latest,
    `/v2/app/manifests/${image.manifest.digest}`,
    `/v2/app/blobs/${image.manifest.digest}`,
    "/v2/app/tags/list",
  ];

  test.each(paths)("is refused without asking upstream: %s", async (path) => {
    await using registry = await startRegistry();
    const rules = [rule("docker.io/library/app", { deny: "use docker.io/company/app" })];
    await using mirror = await TestMirror.start({ endpoints: [registry.url], rules });
    const { status, body } = await mirror.get(path);
    expect(status).toBe(403);
    expect(JSON.parse(body.toString())).toEqual({
      errors: [{ code: "DENIED", message: "use docker.io/company/app" }],
    });
    expect((await mirror.head(path)).status).toBe(403);
    expect(registry.journal.list()).toEqual([]);
  });

  test("is named where the rule has no text of its own", async () => {
    await using registry = await startRegistry();
    const rules = [rule("docker.io/**", { deny: true })];
    await using mirror = await TestMirror.start({ endpoints: [registry.url], rules });
    const { body } = await mirror.get(latest);
    expect(body.toString()).toContain(
      "docker.io/library/app:latest may not be pulled through this mirror",
    );
  });

  test("is refused although it is here", async () => {
    await using registry = await startRegistry();
    await using storage = await makeTempDir();
    const endpoints = [registry.url];
    {
      await using open = await TestMirror.start({ endpoints, storage: storage.path });
      await pull(open, "app", "latest", image);
    }
    const rules = [rule("docker.io/library/app", { deny: true })];
    await using mirror = await TestMirror.start({ endpoints, storage: storage.path, rules });
    for (const path of paths) expect((await mirror.get(path)).status).toBe(403);
  });

  test("is only the tag that the rule matches", async () => {
    await using registry = await startRegistry();
    registry.addImage("library/app", "old", image);
    const rules = [
      rule("docker.io/library/app:latest", { deny: false }),
      rule("docker.io/library/app:*", { deny: true }),
    ];
    await using mirror = await TestMirror.start({ endpoints: [registry.url], rules });
    expect((await mirror.get("/v2/app/manifests/old")).status).toBe(403);
    await pull(mirror, "app", "latest", image);
  });
});

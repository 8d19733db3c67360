import { describe, expect, test } from "@jest/globals";
import { ociManifest } from "../../../../src/oci/media-type.ts";
import { parseReference } from "../../../../src/oci/reference.ts";
import { FakeRegistry } from "../../../support/fake-registry.ts";
import { LoopbackServer } from "../../../support/loopback-server.ts";
import { makeBlob, makeImage, makeIndex, makeManifest } from "../../../support/images.ts";
import { passwordSource } from "../open-upstream.ts";
import { endpointAt, latest, probe, probeOne } from "./probe-steps.ts";

const image = makeImage();

/** With library/app:latest. */
async function startRegistry(
  options: Parameters<typeof FakeRegistry.start>[0] = {},
): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start(options);
  registry.addImage("library/app", "latest", image);
  return registry;
}

describe("the probe of a registry that is well", () => {
  test("takes every step of a pull, in order, and says what it found", async () => {
    await using registry = await startRegistry({ auth: {}, cdn: {} });
    const outcome = await probeOne(registry.url);
    expect(outcome.outcomes).toEqual([
      "dns ok",
      "tcp ok",
      "proxy skipped",
      "tls skipped",
      "api ok",
      "token ok",
      "manifest ok",
      "blob ok",
    ]);
    const { port } = new URL(registry.url);
    expect(outcome.findings.map(({ message }) => message)).toEqual([
      "127.0.0.1 is an address",
      `127.0.0.1:${port}`,
      "none is used",
      "plain http",
      `status 401: it wants a token of ${new URL(registry.tokenUrl).origin}`,
      `an anonymous token of ${new URL(registry.tokenUrl).origin}`,
      `library/app:latest is ${image.manifest.digest}`,
      expect.stringMatching(/^\d+ bytes of \d+ in 0 ms from .*; ranges work$/),
    ]);
    expect(outcome.messageOf("blob")).toContain(`from ${registry.cdnUrl};`);
    expect(outcome.messageOf("blob")).not.toContain("signature");
    const timed = outcome.findings.filter(({ tookMs }) => tookMs !== undefined);
    expect(timed.map(({ step }) => step)).toEqual([
      "dns",
      "tcp",
      "api",
      "token",
      "manifest",
      "blob",
    ]);
  });

  test("asks for a tag by HEAD, and reads no more of a blob than a part", async () => {
    await using registry = await FakeRegistry.start();
    const blobs = [makeBlob(900_000), makeBlob(800_000)];
    const [config, layer] = blobs.map(({ mediaType, digest, bytes }) => {
      return { mediaType, digest, size: bytes.length };
    });
    for (const blob of blobs) registry.addBlob("library/app", blob);
    const manifest = makeManifest(ociManifest, { config, layers: [layer] });
    registry.addManifest("library/app", manifest, "latest");
    await probeOne(registry.url);
    expect(registry.journal.summary({ kind: "manifest" })[0]).toBe("HEAD manifest latest 200");
    const [asked, ...others] = registry.journal.list({ kind: "blob" });
    expect(others).toEqual([]);
    expect(asked).toMatchObject({ method: "GET", status: 206, reference: layer?.digest });
    expect(asked?.headers.range).toBe("bytes=0-65535");
  });

  test("finds a blob below an index", async () => {
    await using registry = await FakeRegistry.start();
    registry.addIndex("library/app", "latest", makeIndex([image]));
    const outcome = await probeOne(registry.url);
    expect(outcome.failed).toEqual([]);
    expect(registry.journal.count({ kind: "blob", reference: image.config.digest })).toBe(1);
  });

  test("of one that wants no token shows none, and says so", async () => {
    await using registry = await startRegistry();
    const outcome = await probeOne(registry.url, { sources: [passwordSource("ann", "secret")] });
    expect(outcome.failed).toEqual([]);
    expect(outcome.messageOf("token")).toMatch(/^none is wanted/);
    expect(registry.journal.list(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  });

  test("tells how many requests are left", async () => {
    await using registry = await startRegistry();
    registry.inject(
      { kind: "manifest" },
      { headers: { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600" } },
    );
    const outcome = await probeOne(registry.url);
    expect(outcome.messageOf("manifest")).toMatch(/, 76 of 100 requests left$/);
  });

  test("says that ranges are ignored", async () => {
    await using registry = await startRegistry();
    registry.inject({ kind: "blob" }, { ignoreRange: true });
    const outcome = await probeOne(registry.url);
    expect(outcome.failed).toEqual([]);
    expect(outcome.messageOf("blob")).toContain("ranges are ignored");
  });

  test("without anything to pull skips what needs it, and says how to name it", async () => {
    await using registry = await startRegistry({ auth: {} });
    const outcome = await probeOne(registry.url, { target: undefined });
    expect(outcome.outcomes.slice(4)).toEqual([
      "api ok",
      "token ok",
      "manifest skipped",
      "blob skipped",
    ]);
    expect(outcome.messageOf("manifest")).toContain("name something to pull");
  });
});

describe("the probe of a registry that answers otherwise", () => {
  test("tells a web page from a registry", async () => {
    await using portal = await LoopbackServer.start((_, response) => {
      response.setHeader("content-type", "text/html; charset=utf-8");
      response.end(`<!doctype html><title>log in</title>${"x".repeat(100_000)}`);
    });
    const outcome = await probeOne(portal.url);
    expect(outcome.failed).toEqual(["api"]);
    expect(outcome.messageOf("api")).toContain("a captive portal");
    expect(outcome.outcomes.slice(5)).toEqual([
      "token skipped",
      "manifest skipped",
      "blob skipped",
    ]);
  });

  test("takes what is only called HTML for what it is", async () => {
    await using registry = await startRegistry();
    registry.inject({ kind: "ping" }, { body: "true", headers: { "content-type": "text/html" } });
    expect((await probeOne(registry.url)).failed).toEqual([]);
  });

  test.each([
    [404, "this is no registry; is the URL right?"],
    [403, "it refuses whoever comes from here"],
    [429, "set credentials of an account with a higher limit"],
    [503, "try again later"],
  ])("says what status %i to /v2/ means", async (status, words) => {
    await using registry = await startRegistry();
    registry.inject({ kind: "ping" }, { status });
    const outcome = await probeOne(registry.url);
    expect(outcome.failed).toEqual(["api"]);
    expect(outcome.messageOf("api")).toContain(`status ${status}`);
    expect(outcome.messageOf("api")).toContain(words);
  });

  test("fails where what was asked for is not there, and only then", async () => {
    await using registry = await FakeRegistry.start();
    const asked = await probeOne(registry.url);
    expect(asked.failed).toEqual(["manifest"]);
    expect(asked.messageOf("manifest")).toContain("library/app:latest is not there");
    const guessed = await probeOne(registry.url, { target: { ...latest, isAsked: false } });
    expect(guessed.failed).toEqual([]);
    expect(guessed.messageOf("manifest")).toContain("name something to pull");
  });

  test("says that a blob breaks off, or is not there", async () => {
    await using registry = await startRegistry();
    const cut = registry.inject({ kind: "blob" }, { cutAfter: 5 });
    expect((await probeOne(registry.url)).failed).toEqual(["blob"]);
    cut.remove();
    registry.deleteBlob("library/app", image.config.digest);
    const outcome = await probeOne(registry.url);
    expect(outcome.messageOf("blob")).toBe(`blob ${image.config.digest} is not there`);
  });

  test("waits for no answer longer than it is told to", async () => {
    await using registry = await startRegistry();
    registry.inject({ kind: "manifest" }, { hold: true });
    const outcome = await probeOne(registry.url, { connectTimeoutMs: 1000, responseTimeoutMs: 50 });
    expect(outcome.failed).toEqual(["manifest"]);
    expect(outcome.messageOf("manifest")).toContain("filtered? try a proxy");
  });

  test("has an end where bytes trickle", async () => {
    await using registry = await startRegistry();
    registry.inject({ kind: "blob" }, { bytesPerSecond: 20 });
    const outcome = await probeOne(registry.url, { connectTimeoutMs: 100, responseTimeoutMs: 100 });
    expect(outcome.failed).toEqual(["blob"]);
    expect(outcome.messageOf("blob")).toContain("no end of it, and 400 ms are over");
  });

  test("ends when whoever asked has gone", async () => {
    await using registry = await startRegistry();
    const held = registry.inject({ kind: "manifest" }, { hold: true });
    const caller = new AbortController();
    const probing = expect(probeOne(registry.url, { signal: caller.signal })).rejects.toThrow(
      "gone",
    );
    await held.reached;
    caller.abort(new Error("gone"));
    await probing;
  });
});

describe("the probe of an endpoint that is trusted with content only", () => {
  test("asks by the digest that another endpoint told, and as nobody", async () => {
    await using full = await startRegistry({ auth: { users: { ann: "secret" } } });
    await using cheap = await startRegistry();
    const outcome = await probe(
      [endpointAt(cheap.url, { trust: "content" }), endpointAt(full.url)],
      { sources: [passwordSource("ann", "secret")] },
    );
    expect(outcome.failed).toEqual([]);
    expect(cheap.journal.summary()).toEqual([
      "GET ping 200",
      `GET manifest ${image.manifest.digest} 200`,
      `GET blob ${image.config.digest} 206`,
    ]);
    expect(cheap.journal.list(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  });

  test("asks for no tag where no digest is known", async () => {
    await using cheap = await startRegistry();
    const outcome = await probeOne(cheap.url, { trust: "content" });
    expect(outcome.outcomes.slice(6)).toEqual(["manifest skipped", "blob skipped"]);
    expect(outcome.messageOf("manifest")).toContain("no endpoint with full trust has told one");
    expect(cheap.journal.summary()).toEqual(["GET ping 200"]);
  });

  test("takes a digest that was asked for", async () => {
    await using cheap = await startRegistry();
    const reference = parseReference(image.manifest.digest);
    const outcome = await probeOne(cheap.url, {
      trust: "content",
      target: { ...latest, reference },
    });
    expect(outcome.outcomes.slice(6)).toEqual(["manifest ok", "blob ok"]);
  });

  test("minds neither that it has no /v2/ nor that it lacks the manifest", async () => {
    await using full = await startRegistry();
    await using cheap = await FakeRegistry.start();
    cheap.addBlob("library/app", image.config);
    cheap.inject({ kind: "ping" }, { status: 404 });
    const outcome = await probe([
      endpointAt(full.url),
      endpointAt(cheap.url, { trust: "content" }),
    ]);
    expect(outcome.failed).toEqual([]);
    expect(outcome.messageOf("manifest", cheap.url)).toContain("others are asked for it");
    expect(outcome.messageOf("blob", cheap.url)).toContain("ranges work");
  });

  test("finds that it sends another manifest", async () => {
    await using full = await startRegistry();
    await using liar = await startRegistry();
    liar.inject({ kind: "manifest" }, { flipByteAt: 3 });
    const outcome = await probe([endpointAt(full.url), endpointAt(liar.url, { trust: "content" })]);
    expect(outcome.failed).toEqual(["manifest"]);
    expect(outcome.messageOf("manifest", liar.url)).toContain("instead of");
  });
});

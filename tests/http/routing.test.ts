import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeImage } from "../support/images.ts";
import { pull } from "../support/pull.ts";
import { TestMirror, type Answer } from "../support/test-mirror.ts";
import { eventually } from "../support/wait.ts";
import { RawClient } from "./raw-client.ts";

const hubImage = makeImage({ seed: "at Docker Hub" });
const ghcrImage = makeImage({ seed: "at ghcr.io" });

/** A mirror of two registries that both have an `owner/app`, and are not the same. */
class World implements AsyncDisposable {
  readonly hub: FakeRegistry;
  readonly ghcr: FakeRegistry;
  readonly mirror: TestMirror;

  private constructor(hub: FakeRegistry, ghcr: FakeRegistry, mirror: TestMirror) {
    this.hub = hub;
    this.ghcr = ghcr;
    this.mirror = mirror;
  }

  static async start(): Promise<World> {
    const [hub, ghcr] = await Promise.all([FakeRegistry.start(), FakeRegistry.start()]);
    hub.addImage("library/app", "latest", hubImage);
    hub.addImage("owner/app", "latest", hubImage);
    ghcr.addImage("owner/app", "latest", ghcrImage);
    ghcr.addImage("owner/app", "old", ghcrImage);
    const mirror = await TestMirror.start({
      endpoints: [hub.url],
      upstream: { prefix: "hub" },
      registries: {
        "ghcr.io": { endpoints: [ghcr.url], prefix: "gh", hosts: ["ghcr.mirror.lan"] },
      },
      publicUrl: "http://mirror.lan:5000",
    });
    return new World(hub, ghcr, mirror);
  }

  get asked(): { hub: number; ghcr: number } {
    return { hub: this.hub.journal.count(), ghcr: this.ghcr.journal.count() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mirror[Symbol.asyncDispose]();
    await Promise.all([this.hub[Symbol.asyncDispose](), this.ghcr[Symbol.asyncDispose]()]);
  }
}

function errorOf({ body }: Answer): unknown {
  return JSON.parse(body.toString()).errors[0];
}

describe("a request for what Docker Hub has", () => {
  test.each([
    ["app", "", {}],
    ["owner/app", "", {}],
    ["owner/app", "?ns=docker.io", {}],
    ["owner/app", "?ns=registry-1.docker.io", {}],
    ["owner/app", "?ns=index.docker.io", {}],
    ["app", "?ns=docker.io", { host: "ghcr.mirror.lan" }],
    ["hub/app", "?ns=docker.io", {}],
    ["docker.io/library/app", "?ns=docker.io", {}],
    ["docker.io/owner/app", "", {}],
    ["index.docker.io/app", "", {}],
    ["hub/owner/app", "", {}],
    ["owner/app", "?ns=mirror.lan:5000", {}],
  ])("for %s%s, sent with %j, is answered with it", async (name, query, headers) => {
    await using world = await World.start();
    const answer = await world.mirror.get(`/v2/${name}/manifests/latest${query}`, headers);
    expect(answer.headers["docker-content-digest"]).toBe(hubImage.manifest.digest);
    expect(world.asked.ghcr).toBe(0);
  });
});

describe("a request for what another registry has", () => {
  test.each([
    ["owner/app", "?ns=ghcr.io", {}],
    ["owner/app", "?ns=GHCR.io", {}],
    ["owner/app", "", { host: "ghcr.mirror.lan" }],
    ["owner/app", "", { host: "ghcr.mirror.lan:8080" }],
    ["owner/app", "?ns=mirror.lan:5000", { host: "ghcr.mirror.lan" }],
    ["ghcr.io/owner/app", "", {}],
    ["ghcr.io/owner/app", "?ns=ghcr.io", {}],
    ["ghcr.io/owner/app", "", { host: "ghcr.mirror.lan" }],
    ["gh/owner/app", "", {}],
    ["gh/owner/app", "?ns=ghcr.io", {}],
  ])("for %s%s, sent with %j, is answered with it", async (name, query, headers) => {
    await using world = await World.start();
    const answer = await world.mirror.get(`/v2/${name}/manifests/latest${query}`, headers);
    expect(answer.headers["docker-content-digest"]).toBe(ghcrImage.manifest.digest);
    expect(world.asked.hub).toBe(0);
  });

  test("names it in the request target, which counts more than the Host header", async () => {
    await using world = await World.start();
    using client = await RawClient.connect(Number(new URL(world.mirror.url).port));
    const target = "http://ghcr.mirror.lan/v2/owner/app/manifests/latest";
    client.get(target, "Connection: close");
    await client.closed;
    expect(client.received.toString()).toContain(ghcrImage.manifest.digest);
    expect(world.asked.hub).toBe(0);
  });
});

describe("content of two registries", () => {
  test("is pulled through one port, each by its own name", async () => {
    await using world = await World.start();
    const { mirror } = world;
    await Promise.all([
      pull(mirror, "owner/app", "latest", hubImage),
      pull(mirror, "ghcr.io/owner/app", "latest", ghcrImage),
    ]);
    await Promise.all([world.hub.stop(), world.ghcr.stop()]);
    expect((await pull(mirror, "docker.io/owner/app", "latest", hubImage)).tag).toBe("HIT");
    expect((await pull(mirror, "gh/owner/app", "latest", ghcrImage)).tag).toBe("HIT");
  });

  test("is not given to who may read the same name at the other", async () => {
    await using world = await World.start();
    const { mirror } = world;
    await pull(mirror, "ghcr.io/owner/app", "latest", ghcrImage);
    const [layer] = ghcrImage.layers;
    const answers = [
      await mirror.get(`/v2/owner/app/blobs/${layer?.digest}`),
      await mirror.get(`/v2/owner/app/manifests/${ghcrImage.manifest.digest}?ns=docker.io`),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404]);
  });

  test("comes in once, however many ask for it at both at the same time", async () => {
    await using world = await World.start();
    const { hub, ghcr, mirror } = world;
    const [layer = hubImage.config] = hubImage.layers;
    ghcr.addBlob("owner/app", layer);
    const names = ["owner/app", "ghcr.io/owner/app"];
    const paths = names.map((name) => `/v2/${name}/blobs/${layer.digest}`);
    const asked = Array.from({ length: 5 }, () => paths.map((path) => mirror.get(path))).flat();
    for (const { body } of await Promise.all(asked)) expect(body.equals(layer.bytes)).toBe(true);
    const sent = [hub, ghcr].map(({ journal }) => journal.bytesSent({ kind: "blob" }));
    expect(sent.toSorted((a, b) => a - b)).toEqual([0, layer.bytes.length]);
  });

  test("does not fail at one because the other, asked first for the same blob, does", async () => {
    await using world = await World.start();
    const { hub, ghcr, mirror } = world;
    const [layer = hubImage.config] = hubImage.layers;
    ghcr.addBlob("owner/app", layer);
    const match = { kind: "blob", method: "GET", reference: layer.digest } as const;
    const failing = hub.inject(match, { hold: true, status: 503 });
    const atHub = mirror.get(`/v2/owner/app/blobs/${layer.digest}`);
    await failing.reached;
    const atGhcr = mirror.get(`/v2/ghcr.io/owner/app/blobs/${layer.digest}`);
    await eventually("the other is asked", () => ghcr.journal.count({ kind: "blob" }) > 0);
    failing.release();
    expect((await atHub).status).toBe(503);
    expect((await atGhcr).body.equals(layer.bytes)).toBe(true);
  });

  test("is counted and logged by the name that was asked for, and by its own", async () => {
    await using world = await World.start();
    const { mirror } = world;
    await mirror.get("/v2/gh/owner/app/manifests/latest");
    const { topRepositories } = await mirror.run("stats", {});
    expect(topRepositories.map(({ name }) => name)).toEqual(["ghcr.io/owner/app"]);
    const line = mirror.log.find(({ msg }) => msg === "request");
    expect(line).toMatchObject({ route: "manifest", repository: "gh/owner/app" });
  });
});

describe("a registry that is not mirrored", () => {
  const hint =
    'quay.io is not mirrored here; add it under upstreams in the mirror\'s configuration: "upstreams: { quay.io: {} }"';

  test.each([
    "/v2/quay.io/a/b/manifests/latest",
    "/v2/a/b/manifests/latest?ns=quay.io",
    `/v2/quay.io/a/blobs/${hubImage.manifest.digest}`,
    "/v2/a/tags/list?ns=Quay.io",
    "/v2/_catalog?ns=quay.io",
  ])("is refused, which says how to add it: %s", async (path) => {
    await using world = await World.start();
    const answer = await world.mirror.get(path);
    expect(answer.status).toBe(404);
    expect(errorOf(answer)).toEqual({ code: "NAME_UNKNOWN", message: hint });
    expect((await world.mirror.head(path)).status).toBe(404);
    expect(world.asked).toEqual({ hub: 0, ghcr: 0 });
  });

  test.each(["localhost:5000", "127.0.0.1:1", "169.254.169.254", "[::1]:80"])(
    "is refused where %s is what a client names",
    async (host) => {
      await using world = await World.start();
      const { mirror } = world;
      const paths = [
        `/v2/${host}/a/manifests/1`,
        `/v2/a/manifests/1?ns=${encodeURIComponent(host)}`,
      ];
      for (const path of paths) {
        expect(errorOf(await mirror.get(path))).toMatchObject({ code: "NAME_UNKNOWN" });
      }
      expect(world.asked).toEqual({ hub: 0, ghcr: 0 });
    },
  );
});

describe("OCI-Namespace", () => {
  test.each([
    ["/v2/owner/app/manifests/latest?ns=ghcr.io", 200, "ghcr.io"],
    ["/v2/owner/app/manifests/latest?ns=registry-1.docker.io", 200, "registry-1.docker.io"],
    ["/v2/owner/app/manifests/none?ns=ghcr.io", 404, "ghcr.io"],
    ["/v2/owner/app/tags/list?n=x&ns=ghcr.io", 400, "ghcr.io"],
    ["/v2/_catalog?ns=ghcr.io", 200, "ghcr.io"],
    ["/v2/_catalog?ns=ghcr.io&n=x", 400, "ghcr.io"],
    ["/v2/owner/app/manifests/latest?ns=quay.io", 404, undefined],
    ["/v2/_catalog?ns=quay.io", 404, undefined],
    ["/v2/owner/app/manifests/latest?ns=not%20a%20host", 400, undefined],
    ["/v2/owner/app/manifests/latest", 200, undefined],
  ])("answers %s with %d and %p", async (path, status, namespace) => {
    await using world = await World.start();
    const answer = await world.mirror.get(path);
    expect([answer.status, answer.headers["oci-namespace"]]).toEqual([status, namespace]);
  });
});

describe("a list of tags", () => {
  test.each([
    ["ghcr.io/owner/app", "", "?last=latest&n=1"],
    ["gh/owner/app", "", "?last=latest&n=1"],
    ["owner/app", "&ns=ghcr.io", "?last=latest&n=1&ns=ghcr.io"],
  ])("of %s%s is under the name that was asked for, and so is its next page", async (...row) => {
    const [name, query, rest] = row;
    await using world = await World.start();
    const { mirror } = world;
    const first = await mirror.get(`/v2/${name}/tags/list?n=1${query}`);
    expect(JSON.parse(first.body.toString())).toEqual({ name, tags: ["latest"] });
    const link = /^<(?<next>[^>]+)>; rel="next"$/.exec(first.headers["link"] ?? "");
    const next = link?.groups?.["next"] ?? "";
    expect(new URL(next, mirror.url).pathname).toBe(`/v2/${name}/tags/list`);
    const { searchParams } = new URL(next, mirror.url);
    expect(Object.fromEntries(searchParams)).toEqual(Object.fromEntries(new URLSearchParams(rest)));
    const second = await mirror.get(next);
    expect(JSON.parse(second.body.toString())).toEqual({ name, tags: ["old"] });
  });
});

describe("prefetching", () => {
  test("brings names of every registry that is mirrored, and says of others how to add them", async () => {
    await using world = await World.start();
    const images = ["app", "ghcr.io/owner/app", "quay.io/a/b"];
    const { names } = await world.mirror.run("prefetch", { names: images, platforms: "all" });
    expect(names.map(({ complete }) => complete)).toEqual([true, true, false]);
    expect(names[2]?.problem).toContain("quay.io is not mirrored here");
    await pull(world.mirror, "gh/owner/app", "latest", ghcrImage);
  });
});

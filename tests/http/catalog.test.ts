import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeImage } from "../support/images.ts";
import { TestMirror, type Answer } from "../support/test-mirror.ts";

const image = makeImage();
const hubNames = ["library/alpine", "library/node", "owner/app"];
const ghcrNames = ["owner/app", "z"];
const everything = [
  "docker.io/library/alpine",
  "docker.io/library/node",
  "docker.io/owner/app",
  "ghcr.io/owner/app",
  "ghcr.io/z",
];

/** Works with a mirror through which the names of both registries were pulled. */
async function withMirror(work: (mirror: TestMirror) => Promise<void>): Promise<void> {
  await using hub = await FakeRegistry.start();
  await using ghcr = await FakeRegistry.start();
  for (const name of [...hubNames, "library/never-pulled"]) hub.addImage(name, "latest", image);
  for (const name of ghcrNames) ghcr.addImage(name, "latest", image);
  await using mirror = await TestMirror.start({
    endpoints: [hub.url],
    registries: { "ghcr.io": { endpoints: [ghcr.url], hosts: ["ghcr.mirror.lan"] } },
  });
  for (const name of everything) await mirror.get(`/v2/${name}/manifests/latest`);
  await work(mirror);
}

function namesOf({ body }: Answer): string[] {
  return JSON.parse(body.toString()).repositories;
}

function nextOf({ headers }: Answer): string | undefined {
  return /^<(?<next>[^>]+)>; rel="next"$/.exec(headers["link"] ?? "")?.groups?.["next"];
}

describe("GET /v2/_catalog", () => {
  test("lists everything that was pulled, by names that can be pulled again", () =>
    withMirror(async (mirror) => {
      const answer = await mirror.get("/v2/_catalog");
      expect(answer.status).toBe(200);
      expect(namesOf(answer)).toEqual(everything);
      expect(answer.headers).toMatchObject({
        "content-type": "application/json",
        "content-length": String(answer.body.length),
      });
      expect(answer.headers).not.toHaveProperty("link");
      for (const name of namesOf(answer)) {
        expect((await mirror.get(`/v2/${name}/manifests/latest`)).headers["x-cache"]).toBe("HIT");
      }
    }));

  test.each([
    ["?ns=docker.io", {}, hubNames],
    ["?ns=registry-1.docker.io", { host: "ghcr.mirror.lan" }, hubNames],
    ["?ns=ghcr.io", {}, ghcrNames],
    ["", { host: "ghcr.mirror.lan:5000" }, ghcrNames],
  ])("%s, sent with %j, lists the bare names of one registry", (query, headers, names) =>
    withMirror(async (mirror) => {
      expect(namesOf(await mirror.get(`/v2/_catalog${query}`, headers))).toEqual(names);
    }),
  );

  test.each([
    ["?n=2", everything],
    ["?n=1&ns=docker.io", hubNames],
    ["?n=1&ns=ghcr.io", ghcrNames],
  ])("%s comes in pages that link to one another", (query, names) =>
    withMirror(async (mirror) => {
      const found: string[] = [];
      let next: string | undefined = `/v2/_catalog${query}`;
      for (let page = 0; next !== undefined && page < 10; page += 1) {
        const answer: Answer = await mirror.get(next);
        found.push(...namesOf(answer));
        next = nextOf(answer);
        expect(next ?? "/v2/_catalog").toMatch(/^\/v2\/_catalog/);
      }
      expect(next).toBeUndefined();
      expect(found).toEqual(names);
    }),
  );

  test("begins behind `last`, whether there is such a name or not", () =>
    withMirror(async (mirror) => {
      expect(namesOf(await mirror.get("/v2/_catalog?last=ghcr"))).toEqual(everything.slice(3));
      const bare = await mirror.get("/v2/_catalog?ns=docker.io&last=library/b");
      expect(namesOf(bare)).toEqual(["library/node", "owner/app"]);
    }));

  test("is empty for n=0, and links to nothing", () =>
    withMirror(async (mirror) => {
      const answer = await mirror.get("/v2/_catalog?n=0");
      expect(answer.body.toString()).toBe('{"repositories":[]}');
      expect(nextOf(answer)).toBeUndefined();
    }));

  test("takes a page longer than it gives for its longest", () =>
    withMirror(async (mirror) => {
      expect(namesOf(await mirror.get("/v2/_catalog?n=1000000"))).toEqual(everything);
    }));

  test.each(["-1", "many", "1.5", "", "99999999999999999999"])("does not take n=%s", (n) =>
    withMirror(async (mirror) => {
      const answer = await mirror.get(`/v2/_catalog?n=${n}`);
      expect(answer.status).toBe(400);
      expect(answer.body.toString()).toContain('"PAGINATION_NUMBER_INVALID"');
    }),
  );

  test("is answered for HEAD with the same headers", () =>
    withMirror(async (mirror) => {
      const get = await mirror.get("/v2/_catalog?n=2");
      const head = await mirror.head("/v2/_catalog?n=2");
      expect(head.status).toBe(200);
      expect(head.body.length).toBe(0);
      for (const name of ["content-length", "content-type", "link"]) {
        expect(head.headers[name]).toBe(get.headers[name]);
      }
    }));

  test("is empty before anything was pulled, and asks no upstream", async () => {
    await using hub = await FakeRegistry.start();
    await using mirror = await TestMirror.start({ endpoints: [hub.url] });
    expect((await mirror.get("/v2/_catalog/")).body.toString()).toBe('{"repositories":[]}');
    expect(hub.journal.count()).toBe(0);
    const line = mirror.log.find(({ msg }) => msg === "request");
    expect(line).toMatchObject({ route: "catalog", status: 200 });
  });
});

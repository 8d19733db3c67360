import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ociIndex } from "../../src/oci/media-type.ts";
import { Fleet, type Pulled } from "../support/e2e-fleet.ts";
import { ask, type Reply } from "../support/e2e-http.ts";
import { pushImage } from "../support/e2e-push.ts";
import { Registries, settings } from "../support/e2e-registries.ts";
import {
  pushSigned,
  pushTeam,
  registryHosts,
  type RegistryHost,
  type Signed,
  type Team,
} from "../support/e2e-team.ts";
import { makeImage } from "../support/images.ts";

interface World extends AsyncDisposable {
  readonly registries: Registries;
  readonly team: Team;
  readonly signed: Signed;
}

async function startWorld(): Promise<World> {
  await using owned = new AsyncDisposableStack();
  const registries = owned.use(await Registries.start());
  const team = await pushTeam(registries);
  const signed = await pushSigned(registries.ghcr.pushUrl);
  const all = owned.move();
  return { registries, team, signed, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** A GET at the mirror by this of its names. */
async function get({ mirror }: Registries, path: string, host = mirror.host): Promise<Reply> {
  return ask(`${mirror.url}${path}`, { host });
}

function parse({ body }: Reply) {
  return JSON.parse(body.toString());
}

/** Every way to ask for team/app:1, and whose that is: path and, if not the usual, host name. */
const ways: [RegistryHost, string, string?][] = [
  ["docker.io", "/v2/team/app/manifests/1"],
  ["docker.io", "/v2/hub/team/app/manifests/1"],
  ["docker.io", "/v2/docker.io/team/app/manifests/1"],
  ["docker.io", "/v2/team/app/manifests/1?ns=registry-1.docker.io", settings.ghcrName],
  ["ghcr.io", "/v2/team/app/manifests/1", `${settings.ghcrName}:5000`],
  ["ghcr.io", "/v2/ghcr.io/team/app/manifests/1"],
  ["ghcr.io", "/v2/ghcr.io/team/app/manifests/1?ns=ghcr.io"],
  ["quay.io", "/v2/team/app/manifests/1?ns=quay.io"],
  ["quay.io", "/v2/quay.io/team/app/manifests/1"],
];

/** What `Fleet.pullByDocker` should say. */
function expectedOfDocker({ registries: { mirror }, team: { apps } }: World): Pulled {
  const [, port] = mirror.host.split(":");
  return {
    "team/app:1": apps["docker.io"].config.digest,
    [`${mirror.host}/ghcr.io/team/app:1`]: apps["ghcr.io"].config.digest,
    [`${mirror.host}/quay.io/team/app:1`]: apps["quay.io"].config.digest,
    [`${mirror.host}/hub/team/multi:1`]: apps["docker.io"].config.digest,
    [`${settings.ghcrName}:${port}/team/multi:1`]: apps["ghcr.io"].config.digest,
  };
}

/** The pulls of each client, to be begun; they fail unless it got what its registry has. */
function pullsOf(world: World, fleet: Fleet): (() => Promise<void>)[] {
  const { apps, indexes } = world.team;
  const whole = Object.fromEntries(registryHosts.map((host) => [host, true]));
  const ids = Object.fromEntries(registryHosts.map((host) => [host, apps[host].config.digest]));
  return [
    async () => expect(await fleet.pullByDocker()).toEqual(expectedOfDocker(world)),
    async () => expect(await fleet.pullByContainerd(indexes)).toEqual(whole),
    async () => expect(await fleet.pullByPodman(registryHosts)).toEqual(ids),
    async () => expect(await fleet.copyBySkopeo(indexes)).toEqual(whole),
    async () => {
      expect(await fleet.buildByBuildah()).toMatch(/^ghcr$/m);
      expect(await fleet.pullByBuildah()).toEqual({ "quay.io": ids["quay.io"] });
    },
  ];
}

/** What a client without any of these gets for all it may ask. */
async function readAll({ registries, signed }: World): Promise<[number, string][]> {
  const repository = "/v2/ghcr.io/team/signed";
  const paths = [
    "/v2/_catalog",
    "/v2/team/app/tags/list?ns=ghcr.io",
    `${repository}/manifests/${signed.tag}.sig`,
    `${repository}/referrers/${signed.image.manifest.digest}`,
    `${repository}/referrers/${signed.signature.digest}`,
    "/v2/ghcr.io/secret/app/manifests/1",
    "/v2/registry.example/team/app/manifests/1",
  ];
  const read: [number, string][] = [];
  const requests = ways.map(([, path, host]) => [path, host] as const);
  for (const [path, host] of [...requests, ...paths.map((each) => [each] as const)]) {
    const { status, body } = await get(registries, path, host);
    read.push([status, body.toString()]);
  }
  return read;
}

describe("one running mirror of three registries with other content under the same names", () => {
  test("serves docker, ctr, podman, skopeo and buildah at once, as entrepot setup set them up, and again with every registry gone", async () => {
    await using world = await startWorld();
    const { registries, team } = world;
    await using fleet = await Fleet.start(registries);
    const ends = await Promise.allSettled(pullsOf(world, fleet).map((pull) => pull()));
    for (const end of ends) if (end.status === "rejected") throw end.reason;
    await readAll(world);
    const read = await readAll(world);

    for (const [index, hub] of registries.all.entries()) {
      const host = registryHosts[index] ?? "docker.io";
      for (const { config, layers } of team.indexes[host].images) {
        const counts = [config, ...layers].map(({ digest }) => hub.downloadsOf(digest));
        expect(counts).toEqual(counts.map(() => 1));
      }
    }
    await fleet.forget();
    await registries.goAway();
    for (const pull of pullsOf(world, fleet)) await pull();
    expect(await readAll(world)).toEqual(read);
  });
});

describe("every way to name a registry", () => {
  let world: World;
  let registries: Registries;

  beforeAll(async () => {
    world = await startWorld();
    ({ registries } = world);
  });

  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  // Behind a shorter row than its parameters, Jest would add a callback.
  test.each(ways)("leads to %s: %s", async (...[host, path, name]) => {
    const { status, body } = await get(registries, path, name);
    expect(status).toBe(200);
    expect(body.equals(world.team.apps[host].manifest.bytes)).toBe(true);
  });

  test("leads to one cached copy of each image", async () => {
    for (const [, path, name] of ways) await get(registries, path, name);
    const gets = registries.all.map(({ journal }) =>
      journal.count({ method: "GET", kind: "manifest", repository: "team/app", status: 200 }),
    );
    expect(gets).toEqual([1, 1, 1]);
  });

  test("lists what was pulled, of all registries and of one, and the tags of each", async () => {
    const { hub, ghcr } = registries;
    await pushImage(ghcr.pushUrl, "team/listed", "2", makeImage({ seed: "two" }));
    await pushImage(ghcr.pushUrl, "team/listed", "3", makeImage({ seed: "three" }));
    await pushImage(hub.pushUrl, "team/listed", "1", makeImage({ seed: "one" }));
    await get(registries, "/v2/ghcr.io/team/listed/manifests/2");
    await get(registries, "/v2/team/listed/manifests/1");

    const { repositories } = parse(await get(registries, "/v2/_catalog"));
    expect(repositories).toEqual(
      expect.arrayContaining(["docker.io/team/listed", "ghcr.io/team/listed"]),
    );
    const ofOne = parse(await get(registries, "/v2/_catalog?ns=ghcr.io"));
    expect(ofOne.repositories).toContain("team/listed");
    expect(parse(await get(registries, "/v2/_catalog", settings.ghcrName))).toEqual(ofOne);
    const tags = await get(registries, "/v2/team/listed/tags/list?ns=ghcr.io");
    expect(new Set(parse(tags).tags)).toEqual(new Set(["2", "3"]));
    expect(tags.headers["oci-namespace"]).toBe("ghcr.io");
    expect(parse(await get(registries, "/v2/team/listed/tags/list")).tags).toEqual(["1"]);
  });

  test("leads to the signatures of that registry's image, by the API and by tags", async () => {
    const { image, signature, tag } = world.signed;
    const repository = "/v2/ghcr.io/team/signed";
    const path = `${repository}/referrers/${image.manifest.digest}`;
    const referrers = await get(registries, path);
    expect(referrers.headers["content-type"]).toBe(ociIndex);
    expect(parse(referrers).manifests).toMatchObject([{ digest: signature.digest }]);
    const bySig = await get(registries, `${repository}/manifests/${tag}.sig`);
    expect(bySig.body.equals(signature.bytes)).toBe(true);
    const elsewhere = await get(registries, path.replace("ghcr.io", "docker.io"));
    expect([elsewhere.status, parse(elsewhere).manifests]).toEqual([200, []]);
  });

  test("is answered with how to add a registry that is not mirrored", async () => {
    for (const path of [
      "/v2/registry.example/team/app/manifests/1",
      "/v2/team/app/manifests/1?ns=registry.example",
    ]) {
      const reply = await get(registries, path);
      expect(reply.status).toBe(404);
      const [error] = parse(reply).errors;
      expect(error.code).toBe("NAME_UNKNOWN");
      expect(error.message).toContain("registry.example is not mirrored here; add it under");
    }
  });

  test("is answered with the configured message for a denied repository, which upstream is not asked for", async () => {
    const { ghcr } = registries;
    await pushImage(ghcr.pushUrl, "secret/app", "1", makeImage({ seed: "forbidden" }));
    for (const [path, name] of [
      ["/v2/ghcr.io/secret/app/manifests/1"],
      ["/v2/secret/app/tags/list?ns=ghcr.io"],
      ["/v2/secret/app/manifests/1", settings.ghcrName],
    ] as const) {
      const reply = await get(registries, path, name);
      expect(reply.status).toBe(403);
      const denied = { code: "DENIED", message: settings.denyMessage };
      expect(parse(reply).errors).toMatchObject([denied]);
    }
    expect(ghcr.journal.list({ repository: "secret/app" })).toEqual([]);
  });

  test("is told to a host by entrepot setup, and entrepot setup check says whether it was", async () => {
    const { mirror, directory } = registries;
    const root = await registries.setUp("podman");
    const check = ["setup", "check", "--json", "--url", mirror.url, "--root"];
    const found = JSON.parse(await mirror.command(...check, root));
    expect(found).toMatchObject({ ok: true, reachable: true });
    expect(found.clients).toContainEqual(
      expect.objectContaining({ client: "podman", through: registryHosts, past: [] }),
    );
    expect(found.clients).toContainEqual(
      expect.objectContaining({ client: "docker", through: [], past: registryHosts }),
    );
    const bare = join(directory, "bare-host");
    await mkdir(bare);
    await expect(mirror.command(...check, bare)).rejects.toThrow('"ok": false');
  });
});

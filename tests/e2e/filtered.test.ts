import { describe, expect, test } from "@jest/globals";
import { Bystander } from "../support/bystander.ts";
import { EgressWorld } from "../support/e2e-egress.ts";
import { download } from "../support/e2e-http.ts";
import { run } from "../support/e2e-process.ts";
import { FakeRegistry } from "../support/fake-registry.ts";
import {
  FilteredNetwork,
  proxyPasswords,
  proxyUser,
  registryUser,
  secretsOf,
} from "../support/filtered-network.ts";
import { makeImage, type TestImage } from "../support/images.ts";
import { SourceFilter } from "../support/source-filter.ts";
import { authorityFile, clientCertificate } from "../support/tls/certificates.ts";

const { username, password } = registryUser;
const files = { "registry-password": password, "other-password": "0ther-p@ss:w0rd" };
const credentials = { username, passwordFile: "registry-password" };
const wrongPassword = "wr0ng-p@ss:w0rd";
const tls = { caFile: authorityFile };
const withCertificate = {
  ...tls,
  certFile: clientCertificate.certificate,
  keyFile: clientCertificate.key,
};
const registryHost = "registry.filtered.test";
const tokenHost = "auth.filtered.test";
const contentHost = "cdn.filtered.test";
const everyHost = [tokenHost, contentHost, registryHost];

function imageFor(upstream: string): TestImage {
  return makeImage({ seed: upstream, layers: [300_000, 1000] });
}

/** With an image for each of these upstreams: what is shared would be fetched but once. */
async function startNetwork(upstreams: string[]): Promise<FilteredNetwork> {
  const network = await FilteredNetwork.start();
  for (const upstream of upstreams) {
    network.registry.addImage(`team/${upstream}`, "1", imageFor(upstream));
    network.tlsRegistry.addImage(`team/${upstream}`, "1", imageFor(upstream));
  }
  return network;
}

type Ways = Record<"socks" | "connect" | "secure", string[]>;

const nobody: Ways = { socks: [], connect: [], secure: [] };

function takeAsked(network: FilteredNetwork): Ways {
  return {
    socks: network.takeAsked("socks"),
    connect: network.takeAsked("connect"),
    secure: network.takeAsked("secure"),
  };
}

/** Which hosts each proxy is asked for. */
const expectedWays: Record<string, Partial<Ways>> = {
  "socks.test": { socks: everyHost },
  "connect.test": { connect: everyHost },
  "secure.test": { secure: everyHost },
  "split.test": { socks: [registryHost], connect: [tokenHost], secure: [contentHost] },
  "exempt.test": { socks: [tokenHost, registryHost] },
  "tls.test": { connect: ["registry.test"] },
};

function waysOut(network: FilteredNetwork) {
  const { url } = network;
  const socks = network.proxyUrl("socks");
  const connect = network.proxyUrl("connect");
  const secure = network.proxyUrl("secure");
  const filtered = { endpoints: [url], credentials };
  return {
    "socks.test": { ...filtered, proxy: socks },
    "connect.test": { ...filtered, proxy: connect },
    "secure.test": { ...filtered, proxy: secure, tls },
    "split.test": {
      ...filtered,
      proxy: { registry: socks, token: connect, content: secure },
      tls,
    },
    "exempt.test": {
      ...filtered,
      proxy: socks,
      noProxy: [contentHost],
      resolve: { [contentHost]: "127.0.0.1" },
    },
    "tls.test": { endpoints: [network.tlsUrl], proxy: connect, tls: withCertificate },
    "wrong.test": { ...filtered, proxy: network.proxyUrl("socks", wrongPassword) },
    "direct.test": { ...filtered, resolve: { [registryHost]: "127.0.0.1" } },
  };
}

/** All that must show nowhere, in the form in which it is written, sent or given out. */
function secretsWithin(network: FilteredNetwork): string[] {
  const { entries } = network.registry.journal;
  const tokens = entries
    .map(({ headers }) => headers.authorization ?? "")
    .filter((authorization) => authorization.startsWith("Bearer "))
    .map((authorization) => authorization.slice("Bearer ".length));
  const signatures = entries.flatMap(({ url }) => /signature=(\w+)/.exec(url)?.[1] ?? []);
  expect(tokens.length).toBeGreaterThan(0);
  expect(signatures.length).toBeGreaterThan(0);
  return [
    ...Object.values(proxyPasswords).flatMap((each) => secretsOf(proxyUser, each)),
    ...secretsOf(proxyUser, wrongPassword),
    ...secretsOf(username, password),
    ...tokens,
    ...signatures,
  ];
}

describe("a registry that is reached through proxies alone", () => {
  test("is pulled from by the way of each upstream, and no secret shows", async () => {
    const names = Object.keys(expectedWays);
    await using network = await startNetwork(names);
    await using world = await EgressWorld.start({ upstreams: waysOut(network), files });
    for (const [upstream, ways] of Object.entries(expectedWays)) {
      await world.copy(`${upstream}/team/${upstream}:1`, imageFor(upstream));
      expect([upstream, takeAsked(network)]).toEqual([upstream, { ...nobody, ...ways }]);
    }
    expect(network.refused).toBe(0);
    expect(new Set(network.filters.tls.clients)).toEqual(new Set(["mirror.test"]));

    const refused = await download(`${world.mirror.url}/v2/direct.test/team/x/manifests/1`);
    expect(refused.status).toBe(503);
    const shut = await download(`${world.mirror.url}/v2/wrong.test/team/x/manifests/1`);
    expect(shut.status).toBe(503);
    const upstreams = await world.command("upstreams", "--json");
    expect(upstreams).toMatchObject({ end: 0 });
    expect(upstreams.output).toMatch(new RegExp(`proxy ${network.socks.url}: [^"]*credentials`));
    for (const name of ["socks.test", "tls.test"]) {
      const tested = await world.command("upstreams", "test", `${name}/team/${name}:1`);
      expect(tested).toMatchObject({ end: 0, output: expect.stringContaining(`${name}: ok`) });
    }
    await world.command("config", "print");
    expect(world.told).toContain(network.socks.url);

    for (const secret of secretsWithin(network)) expect(world.told).not.toContain(secret);
    const { journal } = network.registry;
    const shownTo = (scheme: string) =>
      journal
        .list(({ headers }) => (headers.authorization ?? "").startsWith(scheme))
        .map(({ server }) => server);
    expect(new Set(shownTo("Basic"))).toEqual(new Set(["token"]));
    expect(new Set(shownTo("Bearer"))).toEqual(new Set(["registry"]));
    const asked = JSON.stringify([journal.entries, network.tlsRegistry.journal.entries]);
    const ofProxies = Object.values(proxyPasswords).flatMap((each) => secretsOf(proxyUser, each));
    for (const secret of ["proxy-authorization", ...ofProxies]) expect(asked).not.toContain(secret);
  });

  test("is found by the usual variables, which say nothing of this machine's own", async () => {
    const names = ["local.test", "plain.test", "secure.test"];
    await using network = await startNetwork(names);
    await using local = await FakeRegistry.start();
    local.addImage("team/local.test", "1", imageFor("local.test"));
    await using world = await EgressWorld.start({
      upstreams: {
        "local.test": { endpoints: [local.url] },
        "plain.test": { endpoints: [network.url], credentials },
        "secure.test": { endpoints: [network.tlsUrl], tls: withCertificate },
      },
      files,
      env: {
        http_proxy: undefined,
        HTTP_PROXY: undefined,
        all_proxy: undefined,
        no_proxy: undefined,
        https_proxy: undefined,
        NO_PROXY: undefined,
        ALL_PROXY: network.proxyUrl("socks"),
        HTTPS_PROXY: network.proxyUrl("connect"),
      },
    });
    const ways: Ways[] = [];
    for (const name of names) {
      await world.copy(`${name}/team/${name}:1`, imageFor(name));
      ways.push(takeAsked(network));
    }
    expect(ways).toEqual([
      nobody,
      { ...nobody, socks: everyHost },
      { ...nobody, connect: ["registry.test"] },
    ]);
    expect(network.refused).toBe(0);
    for (const secret of secretsWithin(network)) expect(world.told).not.toContain(secret);
  });
});

describe("a registry with a name of its own making", () => {
  test("is reached at the configured address, of one family, with a certificate of the mirror's", async () => {
    await using registry = await FakeRegistry.start();
    const image = imageFor("app");
    registry.addImage("team/app", "1", image);
    await using front = await SourceFilter.start({
      target: registry.url,
      tls: { wantsCertificate: true },
    });
    const endpoints = [`https://registry.test:${front.port}`];
    const resolve = { "registry.test": "127.0.0.1" };
    await using world = await EgressWorld.start({
      upstreams: {
        "good.test": { endpoints, resolve, tls: withCertificate, addressFamily: "ipv4" },
        "bare.test": { endpoints, resolve, tls },
        "strange.test": { endpoints, resolve },
      },
    });
    await world.copy("good.test/team/app:1", image);
    expect(new Set(front.clients)).toEqual(new Set(["mirror.test"]));
    for (const name of ["bare.test", "strange.test"]) {
      const path = `/v2/${name}/team/app/manifests/1`;
      expect((await download(`${world.mirror.url}${path}`)).status).toBe(503);
    }
    expect(registry.journal.count({ kind: "manifest", reference: "1" })).toBe(1);
    const bare = await world.command("upstreams", "test", "bare.test");
    expect(bare.output).toMatch(/api +failed .*; does it want tls\.certFile and keyFile\?/);
    const strange = await world.command("upstreams", "test", "strange.test");
    expect(strange.output).toMatch(/tls +failed .*no trusted authority .* set tls\.caFile/);
  });
});

describe("a registry that clients name and nobody configured", () => {
  const metadataAddress = "169.254.169.254";

  test("cannot make the mirror ask the metadata service of a cloud", async () => {
    await run("ip", ["address", "add", `${metadataAddress}/32`, "dev", "lo"]);
    await using registry = await FakeRegistry.start();
    const image = imageFor("app");
    registry.addImage("team/app", "1", image);
    await using front = await SourceFilter.start({ target: registry.url, tls: {} });
    await using metadata = await Bystander.start(metadataAddress);
    await using world = await EgressWorld.start({
      upstreams: {
        "docker.io": { endpoints: [registry.url] },
        "*": { tls, resolve: { "registry.test": "127.0.0.1" }, allowAddresses: ["127.0.0.0/8"] },
      },
    });
    const host = `registry.test:${front.port}`;
    const pulled = await download(`${world.mirror.url}/v2/team/app/manifests/1?ns=${host}`);
    expect(pulled).toMatchObject({ status: 200, digest: image.manifest.digest });
    const location = `https://${metadataAddress}:${metadata.port}/latest/meta-data/`;
    registry.inject({ kind: "manifest" }, { status: 307, headers: { location } });
    const led = await download(`${world.mirror.url}/v2/${host}/team/app/manifests/2`);
    expect(led.status).toBeGreaterThanOrEqual(400);
    expect(world.told).toContain(`${metadataAddress} is not a public address (linkLocal)`);
    const named = `${metadataAddress}:${metadata.port}`;
    for (const path of [`${named}/latest/manifests/1`, `latest/manifests/1?ns=${named}`]) {
      expect((await download(`${world.mirror.url}/v2/${path}`)).status).toBe(404);
    }
    expect(metadata.visits).toBe(0);
  });
});

import { describe, expect, test } from "@jest/globals";
import { EgressWorld } from "../support/e2e-egress.ts";
import { freePort } from "../support/e2e-http.ts";
import { FakeRegistry } from "../support/fake-registry.ts";
import {
  FilteredNetwork,
  proxyPasswords,
  proxyUser,
  registryUser,
  secretsOf,
} from "../support/filtered-network.ts";
import { makeImage } from "../support/images.ts";
import { LoopbackServer } from "../support/loopback-server.ts";
import { SourceFilter } from "../support/source-filter.ts";
import { authorityFile, expiredCertificate } from "../support/tls/certificates.ts";

const { username, password } = registryUser;
const wrongPassword = "wr0ng-p@ss:w0rd";
const image = makeImage({ layers: [300_000] });
const tls = { caFile: authorityFile };

/** Whatever is asked for, somebody else answers. */
function startPortal(): Promise<LoopbackServer> {
  return LoopbackServer.start((_, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end("<!doctype html><title>Please log in</title>");
  });
}

async function startWorld() {
  await using starting = new AsyncDisposableStack();
  const auth = { anonymous: false, users: { [username]: password } };
  const registry = starting.use(await FakeRegistry.start({ auth, cdn: {} }));
  registry.addImage("team/app", "1", image);
  const network = starting.use(await FilteredNetwork.start());
  network.registry.addImage("team/app", "1", image);
  const front = starting.use(await SourceFilter.start({ target: registry.url, tls: {} }));
  const expired = starting.use(
    await SourceFilter.start({ target: registry.url, tls: { files: expiredCertificate } }),
  );
  const portal = starting.use(await startPortal());
  const right = { username, passwordFile: "right" };
  const wrong = { username, passwordFile: "wrong" };
  const filtered = { endpoints: [network.url], credentials: right };
  const upstreams = {
    "good.test": { endpoints: [registry.url], credentials: right },
    "behind.test": { ...filtered, proxy: network.proxyUrl("connect") },
    "nowhere.test": { endpoints: ["http://nowhere.invalid"] },
    "closed.test": { endpoints: [`http://127.0.0.1:${await freePort()}`] },
    "untrusted.test": { endpoints: [front.url] },
    "expired.test": { endpoints: [expired.url], tls },
    "portal.test": { endpoints: [portal.url] },
    "wrong.test": { endpoints: [registry.url], credentials: wrong },
    "keyless.test": { ...filtered, proxy: network.connect.url },
    "keyless-socks.test": { ...filtered, proxy: network.socks.url },
    "keyed-wrong.test": { ...filtered, proxy: network.proxyUrl("socks", wrongPassword) },
  };
  const files = { right: password, wrong: wrongPassword };
  const world = starting.use(await EgressWorld.start({ upstreams, files }));
  const held = starting.move();
  return { world, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** Which step fails, and what is said of it. */
const troubles: Record<string, [step: string, words: RegExp]> = {
  "nowhere.test": ["dns", /DNS: (no such host|the name server does not answer).*resolver/],
  "closed.test": ["tcp", /connection refused.*is the port right\?/],
  "untrusted.test": ["tls", /no trusted authority.* issued by Test Authority.*set tls\.caFile/],
  "expired.test": ["tls", /expired.*clock right\?/],
  "portal.test": ["api", /web page.*captive portal/],
  "wrong.test": ["token", /puller: .*refused the credentials; look at the credentials/],
  "keyless.test": ["proxy", /status 407.*; give the proxy's URL user:password@/],
  "keyless-socks.test": ["proxy", /credentials.*; give the proxy's URL user:password@/],
  "keyed-wrong.test": ["proxy", /credentials.*; give the proxy's URL user:password@/],
};

describe("entrepot upstreams test", () => {
  test("says in words what is wrong where, or that all is well, and no secret", async () => {
    await using started = await startWorld();
    const { world } = started;
    for (const host of ["good.test", "behind.test"]) {
      const good = await world.command("upstreams", "test", `${host}/team/app:1`);
      expect(good).toMatchObject({ end: 0, output: expect.stringContaining(`${host}: ok`) });
      expect(good.output).toMatch(/blob +ok .*ranges work/);
      expect(good.output).not.toContain("failed");
    }
    const everything = await world.command("upstreams", "test");
    expect(everything.end).toBe(1);
    for (const [host, [step, words]] of Object.entries(troubles)) {
      const [, block = ""] = everything.output.split(`${host}  http`);
      const [, ...lines] = block
        .split(/\n(?=\S)/, 1)
        .join("")
        .split("\n");
      const failed = lines.filter((line) => line.includes(" failed  "));
      expect([host, failed]).toEqual([host, [expect.stringMatching(words)]]);
      expect(failed[0]).toMatch(new RegExp(`^  ${step} +failed`));
      expect(everything.output).toContain(`${host}: failed: `);
    }
    const one = await world.command("upstreams", "test", "closed.test");
    expect(one).toMatchObject({ end: 1, output: expect.stringContaining("closed.test: failed: ") });
    const all = await world.command("upstreams", "test", "--json");
    expect(all.end).toBe(1);
    const verdicts: { host: string; ok: boolean }[] = JSON.parse(all.output).upstreams;
    const well = verdicts.filter(({ ok }) => ok).map(({ host }) => host);
    expect(well).toEqual(["good.test", "behind.test"]);
    const secrets = [
      ...secretsOf(username, password),
      ...secretsOf(username, wrongPassword),
      ...secretsOf(proxyUser, proxyPasswords.connect),
      ...secretsOf(proxyUser, wrongPassword),
    ];
    for (const secret of secrets) expect(world.told).not.toContain(secret);
  });
});

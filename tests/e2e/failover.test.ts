import { describe, expect, test } from "@jest/globals";
import { EgressWorld, type WrittenUpstreams } from "../support/e2e-egress.ts";
import { makeRunnableImage } from "../support/e2e-images.ts";
import { FakeRegistry } from "../support/fake-registry.ts";
import type { Fault } from "../support/fake-registry-faults.ts";
import { secretsOf } from "../support/filtered-network.ts";
import { makeImage, type TestImage } from "../support/images.ts";
import { makeTempDir } from "../support/temp-dir.ts";

const MIB = 1024 * 1024;
const username = "puller";
const password = "registry-p@ss:w0rd";
const auth = { anonymous: false, users: { [username]: password } };
const credentials = { username, passwordFile: "password" };
const files = { password };
/** What is on its way when a connection ends. */
const slack = 512 * 1024;
const maxAttempts = 4;

interface Lie {
  /** What comes of asking it for something. */
  fault: Fault;
  /** Everything unless given. */
  kind?: "blob";
  /** Whether wrong bytes come with a digest, which is a lie, or no content does. */
  isLie: boolean;
}

const otherImage = makeImage({ seed: "other", layers: [2 * MIB] });

const lies: Record<string, Lie> = {
  "bytes.test": { fault: { flipByteAt: 3 }, kind: "blob", isLie: true },
  "late.test": { fault: { flipByteAt: 2 * MIB - 1 }, kind: "blob", isLie: true },
  "manifest.test": { fault: { body: Buffer.from(otherImage.manifest.bytes) }, isLie: true },
  "page.test": {
    fault: { body: "<html>blocked</html>", headers: { "content-type": "text/html" } },
    isLie: true,
  },
  "nothing.test": { fault: { status: 404 }, isLie: false },
  "greedy.test": {
    fault: { status: 401, headers: { "www-authenticate": 'Basic realm="give me"' } },
    isLie: false,
  },
};

function imagesFor(upstream: string): [TestImage, TestImage] {
  const layers = [2 * MIB, 1000];
  return [
    makeImage({ seed: `${upstream} first`, layers }),
    makeImage({ seed: `${upstream} second`, layers }),
  ];
}

/** Fails cleanly, or brings what is right. */
async function copyUntilRight(world: EgressWorld, name: string, image: TestImage): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await world.copy(name, image);
    } catch (error) {
      if (attempt === maxAttempts || /wrong bytes|another manifest/.test(String(error)))
        throw error;
    }
  }
}

async function startLiars() {
  await using starting = new AsyncDisposableStack();
  const honest = starting.use(await FakeRegistry.start({ auth }));
  const liars = new Map<string, FakeRegistry>();
  const upstreams: WrittenUpstreams = {};
  for (const [name, { fault, kind }] of Object.entries(lies)) {
    const liar = starting.use(await FakeRegistry.start());
    for (const registry of [liar, honest]) {
      imagesFor(name).forEach((image, index) => {
        registry.addImage(`team/${name}`, String(index), image);
      });
    }
    liar.inject(kind ? { kind } : {}, fault);
    liars.set(name, liar);
    const endpoints = [{ url: liar.url, trust: "content" }, honest.url];
    upstreams[name] = { endpoints, credentials };
  }
  const held = starting.move();
  return { honest, liars, upstreams, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

interface ShownEndpoint {
  url: string;
  state: string;
  lies: number;
}

async function contentEndpoints(world: EgressWorld): Promise<Map<string, ShownEndpoint>> {
  const { output } = await world.command("upstreams", "--json");
  const shown: { host: string; endpoints: ShownEndpoint[] }[] = JSON.parse(output);
  return new Map(
    shown.flatMap(({ host, endpoints: [first] }) => (first ? [[host, first] as const] : [])),
  );
}

describe("content endpoints that cannot be relied on", () => {
  test("make no client take wrong bytes, get no credentials, and are left alone when they lie", async () => {
    await using started = await startLiars();
    const { honest, liars, upstreams } = started;
    await using world = await EgressWorld.start({ upstreams, files });
    for (const name of Object.keys(lies)) {
      const [image] = imagesFor(name);
      await copyUntilRight(world, `${name}/team/${name}:0`, image);
    }
    const shown = await contentEndpoints(world);
    const asked = new Map([...liars].map(([name, { journal }]) => [name, journal.count()]));
    for (const [name, { isLie }] of Object.entries(lies)) {
      const [, image] = imagesFor(name);
      await world.copy(`${name}/team/${name}:1`, image);
      const endpoint = shown.get(name);
      expect([name, (endpoint?.lies ?? 0) > 0]).toEqual([name, isLie]);
      const { journal } = liars.get(name) ?? honest;
      const isLeftAlone = journal.count() === asked.get(name);
      expect([name, isLeftAlone]).toEqual([name, isLie]);
      expect(journal.count()).toBeGreaterThan(0);
      for (const { method, kind, reference, headers } of journal.entries) {
        expect([method, headers.authorization]).toEqual(["GET", undefined]);
        expect(["manifest", "blob"]).toContain(kind);
        expect(reference).toMatch(/^sha256:/);
      }
    }
    for (const secret of secretsOf(username, password)) {
      expect(world.told).not.toContain(secret);
    }
  });
});

/** Upstreams whose first endpoint fails in the middle of a large layer, each in its own way. */
const failures = {
  "cut.test": { cutAfter: 3 * MIB },
  "stall.test": { stallAfter: 3 * MIB },
  "gone.test": { stallAfter: 3 * MIB },
  "slow.test": { bytesPerSecond: MIB / 4 },
} satisfies Record<string, Fault>;

describe("an endpoint that fails in the middle of a layer", () => {
  test.each(Object.entries(failures))(
    "(%s) is followed by the next one, at the next byte, and clients need not try again",
    async (name, fault) => {
      await using directory = await makeTempDir();
      const image = await makeRunnableImage(directory.path, { seed: name, layers: [8 * MIB] });
      const layer = image.layers.at(-1) ?? image.config;
      await using first = await FakeRegistry.start();
      await using second = await FakeRegistry.start();
      for (const registry of [first, second]) registry.addImage("team/app", "1", image);
      const ofLayer = { kind: "blob", method: "GET", reference: layer.digest } as const;
      const injected = first.inject(ofLayer, fault);
      await using world = await EgressWorld.start({
        upstreams: {
          [name]: {
            endpoints: [first.url, second.url],
            stallTimeout: name === "gone.test" ? "30s" : "1s",
            minRate: name === "slow.test" ? "2MiB" : "off",
            minRateFor: "1s",
          },
        },
      });
      const pulling =
        name === "stall.test" ? podmanPull(world, name) : world.copy(`${name}/team/app:1`, image);
      if (name === "gone.test") {
        await injected.reached;
        await first.stop();
      }
      await pulling;
      expect(world.blobAnswers(layer.digest)).toBe(1);
      expect(first.journal.count(ofLayer)).toBe(1);
      expect(second.journal.count(ofLayer)).toBe(1);
      const sum = first.journal.bytesSent(ofLayer) + second.journal.bytesSent(ofLayer);
      expect(sum).toBeGreaterThanOrEqual(layer.bytes.length);
      expect(sum).toBeLessThanOrEqual(layer.bytes.length + slack);
    },
  );
});

async function podmanPull({ mirror, tools }: EgressWorld, upstream: string): Promise<void> {
  const name = `${mirror.host}/${upstream}/team/app:1`;
  const pull = ["pull", ...tools.policyArgs(), "--tls-verify=false", name];
  await tools.podman(pull);
  expect(await tools.podman(["run", "--rm", "--network=none", name])).toBe(upstream);
}

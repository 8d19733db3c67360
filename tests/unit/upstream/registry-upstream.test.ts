import { describe, expect, test } from "@jest/globals";
import { parseReference } from "../../../src/oci/reference.ts";
import { parseRepositoryName } from "../../../src/oci/repository-name.ts";
import { describeUpstream } from "../../contract/upstream.ts";
import { FakeRegistry, type FakeRegistryOptions } from "../../support/fake-registry.ts";
import { makeImage } from "../../support/images.ts";
import { app, latest, openBlob, openUpstream, readAll } from "./open-upstream.ts";

const worlds: [string, FakeRegistryOptions][] = [
  ["RegistryUpstream", {}],
  ["RegistryUpstream with tokens and a CDN", { auth: {}, cdn: {} }],
];
for (const [world, options] of worlds) {
  describeUpstream(world, async () => {
    const registry = await FakeRegistry.start(options);
    const { upstream } = openUpstream(registry.url);
    return {
      upstream,
      addImage: (...args) => registry.addImage(...args),
      addBlob: (...args) => registry.addBlob(...args),
      [Symbol.asyncDispose]: async () => {
        await upstream[Symbol.asyncDispose]();
        await registry[Symbol.asyncDispose]();
      },
    };
  });
}

describe("requests of RegistryUpstream", () => {
  test("name all manifest types, want no encoding, and say who asks", async () => {
    await using registry = await FakeRegistry.start();
    await using opened = openUpstream(registry.url);
    await opened.upstream.headManifest(app, latest);
    await opened.upstream.getManifest(app, latest);

    for (const { headers } of registry.journal.entries) {
      expect(headers.accept?.split(", ")).toEqual([
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/vnd.docker.distribution.manifest.v1+json",
      ]);
      expect(headers["accept-encoding"]).toBe("identity");
      expect(headers["user-agent"]).toMatch(/^entrepot\//);
    }
    expect(registry.journal.count()).toBe(2);
  });

  test.each([
    ["docker.io", "library/app", "/v2/library/app/"],
    ["docker.io", "team/app", "/v2/team/app/"],
    ["quay.io", "app", "/v2/app/"],
  ])("for %s ask for %s at %s", async (host, name, path) => {
    await using registry = await FakeRegistry.start();
    await using opened = openUpstream(registry.url, { host });
    await opened.upstream.headManifest(parseRepositoryName(name), latest);
    expect(registry.journal.entries.map(({ url }) => url)).toEqual([`${path}manifests/latest`]);
  });

  test("go below the path of an endpoint's base URL", async () => {
    await using registry = await FakeRegistry.start();
    await using opened = openUpstream(`${registry.url}/hub/`);
    expect(await opened.upstream.headManifest(app, latest)).toBeUndefined();
    expect(registry.journal.entries.map(({ url }) => url)).toEqual([
      "/hub/v2/library/app/manifests/latest",
    ]);
  });

  test("are counted, those to token server and CDN too", async () => {
    await using registry = await FakeRegistry.start({ auth: {}, cdn: {} });
    const image = makeImage();
    registry.addImage(app, "latest", image);
    let attempts = 0;
    await using opened = openUpstream(registry.url, { onAttempt: () => (attempts += 1) });
    await readAll(await openBlob(opened.upstream, image.config));
    expect(attempts).toBe(4);
    expect(registry.journal.count()).toBe(4);
  });

  test("use connections again, after HEAD too", async () => {
    await using registry = await FakeRegistry.start();
    const image = makeImage({ layers: [300_000] });
    registry.addImage(app, "latest", image);
    await using opened = openUpstream(registry.url);
    for (let round = 0; round < 3; round += 1) {
      const remote = await openBlob(opened.upstream, image.config);
      await readAll(remote);
      remote.close();
      await opened.upstream.getManifest(app, parseReference(image.manifest.digest));
      await opened.upstream.headManifest(app, parseReference("absent"));
    }
    // Two, by turns: the next request may leave before the last one is quite over.
    const ports = new Set(registry.journal.entries.map(({ clientPort }) => clientPort));
    expect(ports.size).toBeLessThanOrEqual(2);
    expect(registry.journal.count()).toBe(9);
  });
});

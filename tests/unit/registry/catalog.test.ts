import { describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { parseTag } from "../../../src/oci/reference.ts";
import { parseRepositoryName, qualifyName } from "../../../src/oci/repository-name.ts";
import { Catalog } from "../../../src/registry/catalog.ts";
import { SqliteMetadataStore } from "../../../src/store/metadata/sqlite-metadata-store.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";
import { makeDigest } from "../../support/stored-content.ts";

const log = pino({ level: "silent" });

async function withCatalog(
  names: Record<string, string[]>,
  work: (catalog: Catalog) => Promise<void>,
): Promise<void> {
  const clock = new SteppedClock();
  await using store = SqliteMetadataStore.openInMemory({
    clock,
    log,
    onRebuilt: () => undefined,
  });
  for (const [registry, repositories] of Object.entries(names)) {
    for (const name of repositories) {
      const repository = qualifyName(registry, parseRepositoryName(name));
      await store.saveTag(repository, parseTag("latest"), makeDigest(name), 1000);
    }
  }
  await work(new Catalog(store));
}

const names = {
  "quay.io": ["0", "b", "z/z"],
  "quay.io.example": ["other"],
  "docker.io": ["library/node", "library/alpine", "owner/app"],
  "quay.io:5000": ["other"],
};

describe("the catalog", () => {
  test("lists the repositories of all registries in byte order", () =>
    withCatalog(names, async (catalog) => {
      const page = await catalog.list({ registry: undefined, last: undefined, limit: 100 });
      expect(page).toEqual({
        repositories: [
          "docker.io/library/alpine",
          "docker.io/library/node",
          "docker.io/owner/app",
          "quay.io.example/other",
          "quay.io/0",
          "quay.io/b",
          "quay.io/z/z",
          "quay.io:5000/other",
        ],
        hasMore: false,
      });
    }));

  test.each([1, 2, 3, 8, 100])("comes whole in pages of %d", (limit) =>
    withCatalog(names, async (catalog) => {
      const whole = await catalog.list({ registry: undefined, last: undefined, limit: 100 });
      expect(await walk(catalog, undefined, limit)).toEqual(whole.repositories);
      const quay = ["quay.io/0", "quay.io/b", "quay.io/z/z"];
      expect(await walk(catalog, "quay.io", limit)).toEqual(quay);
    }),
  );

  test("has no further page of a registry where only others follow", () =>
    withCatalog(names, async (catalog) => {
      const page = await catalog.list({ registry: "quay.io", last: undefined, limit: 3 });
      expect(page.hasMore).toBe(false);
    }));

  test("goes on behind what is the name of nothing", () =>
    withCatalog(names, async (catalog) => {
      const { repositories } = await catalog.list({ registry: "quay.io", last: "a?", limit: 1 });
      expect(repositories).toEqual(["quay.io/b"]);
    }));

  test.each([
    ["no page", "quay.io", 0],
    ["a registry of which nothing is here", "ghcr.io", 10],
    ["what a registry's host only begins with", "quay", 10],
  ])("is empty for %s", (_, registry, limit) =>
    withCatalog(names, async (catalog) => {
      const page = await catalog.list({ registry, last: undefined, limit });
      expect(page).toEqual({ repositories: [], hasMore: false });
    }),
  );
});

async function walk(
  catalog: Catalog,
  registry: string | undefined,
  limit: number,
): Promise<string[]> {
  const found: string[] = [];
  const prefix = registry === undefined ? "" : `${registry}/`;
  let last: string | undefined;
  for (let round = 0; round < 10; round += 1) {
    const page = await catalog.list({ registry, last, limit });
    found.push(...page.repositories);
    if (!page.hasMore) return found;
    last = page.repositories.at(-1)?.slice(prefix.length);
  }
  throw new Error("never ends");
}

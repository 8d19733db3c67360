import { describe, expect, test } from "@jest/globals";
import { digestOf } from "../../../src/oci/digest.ts";
import { parseRepositoryName, qualifyName } from "../../../src/oci/repository-name.ts";
import type { ManifestNode, Shown } from "../../../src/registry/operations/operations.ts";
import { now, run } from "./run-program.ts";

const hour = 3_600_000;
const [index, amd64, arm64, config, layer, signature] = [1, 2, 3, 4, 5, 6].map((seed) =>
  digestOf(Buffer.from([seed])),
);

function required<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error("no value");
  return value;
}

const platformManifest: ManifestNode = {
  digest: required(amd64),
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  platform: "linux/amd64",
  size: 2048,
  present: true,
  usedAt: now - 2 * hour,
  blobs: [
    {
      digest: required(config),
      mediaType: "application/vnd.oci.image.config.v1+json",
      size: 7270,
      present: true,
    },
    {
      digest: required(layer),
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      size: 30 * 1024 ** 2,
      present: false,
    },
  ],
  manifests: [],
  referrers: [
    {
      digest: required(signature),
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      size: 500,
      present: true,
      usedAt: now,
      blobs: [],
      manifests: [],
      referrers: [],
    },
  ],
};

const shown: Shown = {
  name: "docker.io/library/node:24",
  upstream: "docker.io",
  tag: {
    digest: required(index),
    checkedAt: now - 30_000,
    changedAt: now - 72 * hour,
    freshness: "fresh",
    freshUntil: now + 30_000,
  },
  manifest: {
    digest: required(index),
    mediaType: "application/vnd.oci.image.index.v1+json",
    size: 9800,
    present: true,
    usedAt: now - 3 * hour,
    blobs: [],
    manifests: [
      platformManifest,
      {
        digest: required(arm64),
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        platform: "linux/arm64/v8",
        size: undefined,
        present: false,
        blobs: [],
        manifests: [],
        referrers: [],
      },
    ],
    referrers: [],
  },
  pins: [
    {
      name: "docker.io/library/node:24",
      createdAt: now,
      until: Date.UTC(2026, 11, 31),
      note: "for the release",
      present: true,
    },
  ],
  pinnedByRules: ["mirror.config.yaml:12"],
  otherTags: ["docker.io/library/node:latest"],
};

function show(result: Shown, args: string[] = []) {
  return run(["show", "node:24", ...args], { operations: { show: async () => result } });
}

describe("entrepot show", () => {
  test("prints the facts of a tag and the tree below it", async () => {
    const { code, stdout } = await show(shown);
    expect(code).toBe(0);
    expect(stdout.split("\n")).toEqual([
      "docker.io/library/node:24",
      "  from       docker.io",
      `  points to  ${index}`,
      "  state      fresh, to be confirmed in 30 seconds",
      "  confirmed  30 seconds ago",
      "  moved      3 days ago",
      "  used       3 hours ago",
      "  here       1 of 2 blobs, 7.1KiB",
      "  pinned     by docker.io/library/node:24, until 2026-12-31T00:00:00Z (for the release); by the rule mirror.config.yaml:12",
      "  also       docker.io/library/node:latest",
      "",
      `index  ${index}  9.6KiB  used 3 hours ago`,
      `├─ linux/amd64  ${amd64}  2KiB  used 2 hours ago`,
      `│  ├─ config  ${config}  7.1KiB`,
      `│  ├─ layer  ${layer}  30MiB  not here`,
      `│  └─ referrer  ${signature}  500B  used just now`,
      `└─ linux/arm64/v8  ${arm64}  not here`,
      "",
    ]);
  });

  test("--json prints what the operation tells", async () => {
    const { stdout } = await show(shown, ["--json"]);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(shown)));
  });

  test("says that a tag's manifest is gone", async () => {
    const { manifest: _, ...rest } = shown;
    const { stdout } = await show(rest);
    expect(stdout).toContain("its manifest is not here any more");
  });

  test("prints a blob by its digest", async () => {
    const { stdout } = await show({
      name: required(layer),
      blob: {
        digest: required(layer),
        size: 1024,
        createdAt: now - 2 * hour,
        usedAt: now,
        checkedAt: undefined,
        repositories: [qualifyName("docker.io", parseRepositoryName("library/node"))],
      },
      pins: [],
      pinnedByRules: [],
      otherTags: [],
    });
    expect(stdout.split("\n")).toEqual([
      layer,
      "  blob of   docker.io/library/node",
      "  size      1KiB",
      "  came      2 hours ago",
      "  used      just now",
      "  verified  never",
      "",
    ]);
  });

  test("lets nothing through that a terminal obeys", async () => {
    const hostile = { ...platformManifest, platform: "linux/\u001B[2Jamd64\u009B" };
    const { stdout } = await show({ ...shown, manifest: hostile });
    expect(stdout).toContain("linux/?[2Jamd64?");
    for (const character of ["\u001B", "\u009B"]) expect(stdout).not.toContain(character);
  });
});

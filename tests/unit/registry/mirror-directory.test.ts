import { describe, expect, test } from "@jest/globals";
import { parseRepositoryName, qualifyName } from "../../../src/oci/repository-name.ts";
import { MirrorDirectory } from "../../../src/registry/mirror-directory.ts";
import { Routes } from "../../../src/registry/routes.ts";

const routes = new Routes({
  upstreams: [
    { host: "docker.io", prefix: undefined, hosts: [] },
    { host: "ghcr.io", prefix: "gh", hosts: ["ghcr.mirror.lan"] },
    { host: "*", prefix: undefined, hosts: [] },
  ],
  defaultUpstream: "docker.io",
  ownHosts: [],
});

/** A directory of nothing, and what it looked for. */
function emptyDirectory(): { directory: MirrorDirectory; looked: string[] } {
  const looked: string[] = [];
  const find = (host: string) => void looked.push(host);
  return {
    directory: new MirrorDirectory({
      routes,
      registries: { find, list: () => [] },
      recall: { recall: () => undefined },
    }),
    looked,
  };
}

const node = qualifyName("docker.io", parseRepositoryName("library/node"));
const app = qualifyName("ghcr.io", parseRepositoryName("owner/app"));

describe("the directory of what is mirrored", () => {
  test.each([
    ["node", undefined, "docker.io"],
    ["gh/owner/app", undefined, "ghcr.io"],
    ["owner/app", "Quay.io", "quay.io"],
  ])("looks for the registry that %s with ns %p means: %s", (name, namespace, registry) => {
    const { directory, looked } = emptyDirectory();
    expect(() => directory.find({ name, namespace, host: undefined })).toThrow(
      expect.objectContaining({ code: "NAME_UNKNOWN" }),
    );
    expect(looked).toEqual([registry]);
  });

  test("looks for no registry that the configuration does not let in", () => {
    const { directory, looked } = emptyDirectory();
    const request = { name: "app", namespace: "127.0.0.1:5000", host: undefined };
    expect(() => directory.find(request)).toThrow("127.0.0.1:5000 is not mirrored here");
    expect(looked).toEqual([]);
  });

  test("says of a registry that is gone from the configuration how to add it", () => {
    const { directory } = emptyDirectory();
    expect(() => directory.get("quay.io", parseRepositoryName("a"))).toThrow(
      "quay.io is not mirrored here; add it under upstreams",
    );
  });

  test.each([
    ["with its registry's host where all registries are", node, {}, "docker.io/library/node"],
    ["bare where its registry is meant by ns", node, { namespace: "docker.io" }, "library/node"],
    ["bare at its registry's host", app, { host: "ghcr.mirror.lan:5000" }, "owner/app"],
    ["in full where another registry is meant", node, { namespace: "ghcr.io" }, node],
  ])("names a repository %s", (_, key, asked: { namespace?: string; host?: string }, name) => {
    const { directory } = emptyDirectory();
    const { namespace, host } = asked;
    expect(directory.nameFor(key, { namespace, host })).toBe(name);
  });
});

import { describe, expect, test } from "@jest/globals";
import { RegistryError } from "../../../src/oci/errors.ts";
import { formatPullName, parsePullName } from "../../../src/oci/pull-name.ts";

const digest = `sha256:${"a".repeat(64)}`;

function complete(text: string): string {
  const { repository, reference } = parsePullName(text);
  return formatPullName(repository, reference);
}

/** As docker completes them: https://github.com/distribution/reference/blob/main/normalize_test.go */
describe("parsePullName", () => {
  test.each([
    ["node", "docker.io/library/node:latest"],
    ["node:24", "docker.io/library/node:24"],
    ["library/node", "docker.io/library/node:latest"],
    ["docker.io/node", "docker.io/library/node:latest"],
    ["docker.io/library/node", "docker.io/library/node:latest"],
    ["index.docker.io/node:24", "docker.io/library/node:24"],
    ["registry-1.docker.io/library/node", "docker.io/library/node:latest"],
    ["grafana/grafana", "docker.io/grafana/grafana:latest"],
    ["docker.io/grafana/grafana:11", "docker.io/grafana/grafana:11"],
    ["a/b/c", "docker.io/a/b/c:latest"],
    ["ghcr.io/a", "ghcr.io/a:latest"],
    ["ghcr.io/a/b:v1", "ghcr.io/a/b:v1"],
    ["GHCR.io/a", "ghcr.io/a:latest"],
    ["localhost/a", "localhost/a:latest"],
    ["localhost:5000/a", "localhost:5000/a:latest"],
    ["localhost:5000/a:1", "localhost:5000/a:1"],
    ["127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b:latest"],
    ["[::1]:5000/a", "[::1]:5000/a:latest"],
    ["myhost:5000/a", "myhost:5000/a:latest"],
    ["myhost/a", "docker.io/myhost/a:latest"],
    ["localhost", "docker.io/library/localhost:latest"],
    ["foo.bar", "docker.io/library/foo.bar:latest"],
    ["sha256:latest", "docker.io/library/sha256:latest"],
    ["foo.bar:1", "docker.io/library/foo.bar:1"],
    ["a__b/c-d", "docker.io/a__b/c-d:latest"],
    [`node@${digest}`, `docker.io/library/node@${digest}`],
    [`node:24@${digest}`, `docker.io/library/node@${digest}`],
    [`localhost:5000/a:1@${digest}`, `localhost:5000/a@${digest}`],
    ["node:RC_1", "docker.io/library/node:RC_1"],
  ])("completes %s to %s", (text, full) => {
    expect(complete(text)).toBe(full);
    expect(complete(full)).toBe(full);
  });

  test.each([
    ["node", true],
    ["localhost:5000/node", true],
    ["node:latest", false],
    [`node@${digest}`, false],
  ])("knows of %s whether the tag was added: %s", (text, isTagImplied) => {
    expect(parsePullName(text).isTagImplied).toBe(isTagImplied);
  });

  test("gives the registry and the name in it apart", () => {
    expect(parsePullName("localhost:5000/a/b:1")).toEqual({
      registry: "localhost:5000",
      name: "a/b",
      repository: "localhost:5000/a/b",
      reference: { kind: "tag", tag: "1" },
      isTagImplied: false,
    });
  });

  test.each([
    ["", "NAME_INVALID"],
    ["/node", "NAME_INVALID"],
    ["node/", "NAME_INVALID"],
    ["Node", "NAME_INVALID"],
    ["docker.io/Node", "NAME_INVALID"],
    ["https://docker.io/node", "NAME_INVALID"],
    ["docker.io/", "NAME_INVALID"],
    ["docker.io//node", "NAME_INVALID"],
    ["a..b/c", "NAME_INVALID"],
    ["-node", "NAME_INVALID"],
    ["node ", "NAME_INVALID"],
    ["$host.io/a", "NAME_INVALID"],
    ["ghcr.io@evil/a", "DIGEST_INVALID"],
    ["UPPER/a", "NAME_INVALID"],
    ["-a.io/b", "NAME_INVALID"],
    ["a".repeat(64), "NAME_INVALID"],
    ["host:port/a", "NAME_INVALID"],
    ["a".repeat(256), "NAME_INVALID"],
    ["sha256:5e1f0c2a7b3d", "NAME_INVALID"],
    [`sha512:${"a".repeat(128)}`, "NAME_INVALID"],
    ["node:", "TAG_INVALID"],
    ["node:-a", "TAG_INVALID"],
    [`node:${"a".repeat(129)}`, "TAG_INVALID"],
    ["node:a b", "TAG_INVALID"],
    ["node@", "DIGEST_INVALID"],
    ["node@sha256:12", "DIGEST_INVALID"],
    [`node:-a@${digest}`, "TAG_INVALID"],
    [`node@${digest}:24`, "DIGEST_INVALID"],
  ])("does not take %j: %s", (text, code) => {
    const parse = () => parsePullName(text);
    expect(parse).toThrow(RegistryError);
    expect(parse).toThrow(expect.objectContaining({ code }));
  });
});

import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { setUpK3s } from "../../../src/clients/k3s.ts";
import { fileOf, mirror } from "./mirrors.ts";

const path = "/etc/rancher/k3s/registries.yaml";

function fileFor(upstreams: readonly string[] = mirror.upstreams) {
  return fileOf(setUpK3s({ ...mirror, upstreams }), path);
}

describe("k3s' registries.yaml", () => {
  test("has the mirror as endpoint of each registry, and of all others", () => {
    const { text } = fileFor(["docker.io", "*.pkg.dev", "*"]);
    const endpoint = [mirror.url];
    expect(parse(text)).toEqual({ mirrors: { "docker.io": { endpoint }, "*": { endpoint } } });
  });

  test("cannot be for a pattern: that is said", () => {
    const { notes } = setUpK3s({ ...mirror, upstreams: ["docker.io", "*.pkg.dev"] });
    expect(notes.join("\n")).toContain("*.pkg.dev needs an entry for each of its hosts");
  });

  test("gets the mirror in front of others, and keeps its comments", () => {
    const existing = `# of the team
mirrors:
  docker.io:
    endpoint:
      - https://old.example.org # slow
    rewrite: { "^x/(.*)": "y/$1" }
configs:
  # login
  old.example.org:
    auth: { username: u, password: p }
`;
    expect(fileFor().merge(existing).text).toBe(`# of the team
mirrors:
  docker.io:
    endpoint:
      - http://mirror.lan:5000
      - https://old.example.org # slow
    rewrite: { "^x/(.*)": "y/$1" }
  ghcr.io:
    endpoint:
      - http://mirror.lan:5000
configs:
  # login
  old.example.org:
    auth: { username: u, password: p }
`);
  });

  test.each([
    "mirrors:\n",
    "mirrors:\n  docker.io:\n",
    "mirrors:\n  docker.io:\n    endpoint:\n",
    "mirrors: {}\n",
    "configs: {}\n",
    "# nothing yet",
  ])("is filled where it says nothing: %j", (existing) => {
    const { text } = fileFor().merge(existing);
    expect(fileFor().findUpstreams(text)).toEqual(["docker.io", "ghcr.io"]);
    for (const line of existing.split("\n").filter((each) => each.startsWith("#"))) {
      expect(text).toContain(`${line}\n`);
    }
  });

  test("stays as it is, to the letter, where the mirror is an endpoint of all", () => {
    const existing = `mirrors: {docker.io: {endpoint: ["https://a","http://mirror.lan:5000/"]},
      "ghcr.io":   {endpoint: [http://mirror.lan:5000]}}`;
    expect(fileFor().merge(existing).text).toBe(existing);
  });

  test.each([
    ["mirrors: 5", "has mirrors that is no mapping"],
    ["mirrors: { docker.io: [] }", "has mirrors.docker.io that is no mapping"],
    ["mirrors: { docker.io: { endpoint: x } }", "has mirrors.docker.io.endpoint that is no list"],
    ["a: &x {}\nmirrors: *x", "has mirrors that is no mapping"],
    ["- a", "is no mapping"],
    ["a: 1\nb: [", "is not YAML, line 2: "],
    ["a: 1\n---\nb: 2\n", "is not YAML, line 2: MULTIPLE_DOCS"],
  ])("is left alone if it is %j", (existing, problem) => {
    expect(() => fileFor().merge(existing)).toThrow(problem);
  });
});

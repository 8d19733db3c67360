import { describe, expect, test } from "@jest/globals";
import { parse } from "smol-toml";
import { registriesFile } from "../../../src/clients/registries-conf.ts";
import { mirror } from "./mirrors.ts";

describe("registries.conf", () => {
  test("has the registry's host in each mirror's location", () => {
    expect(registriesFile(mirror).text).toBe(
      `# What is pulled from these registries is asked of the mirror at http://mirror.lan:5000 first.
# insecure allows plain HTTP.

[[registry]]
prefix = "docker.io"
location = "docker.io"

[[registry.mirror]]
location = "mirror.lan:5000/docker.io"
insecure = true

[[registry]]
prefix = "ghcr.io"
location = "ghcr.io"

[[registry.mirror]]
location = "mirror.lan:5000/ghcr.io"
insecure = true
`,
    );
  });

  test("calls nothing insecure that has TLS", () => {
    const { text } = registriesFile({ ...mirror, url: "https://mirror.example.org" });
    expect(text).toContain('location = "mirror.example.org/docker.io"');
    expect(text).not.toContain("insecure");
  });

  test("leaves patterns out, and says so", () => {
    const { text, upstreams } = registriesFile({
      ...mirror,
      upstreams: ["docker.io", "*.pkg.dev", "*"],
    });
    expect(upstreams).toEqual(["docker.io"]);
    expect(text).toContain("# *.pkg.dev is left out");
    expect(text).toContain("# * is left out");
    expect(parse(text)["registry"]).toHaveLength(1);
  });

  test("gets a mirror in front of others of a registry, and registries behind others", () => {
    const existing = `unqualified-search-registries = ["docker.io"]
[[registry]]
location = "docker.io"
blocked = false
[[registry.mirror]]
location = "old.example.org"
[[registry]]
prefix = "quay.io/team"
location = "quay.io/other"
`;
    const { text } = registriesFile(mirror).merge(existing);
    expect(parse(text)).toEqual({
      "unqualified-search-registries": ["docker.io"],
      registry: [
        {
          location: "docker.io",
          blocked: false,
          mirror: [
            { location: "mirror.lan:5000/docker.io", insecure: true },
            { location: "old.example.org" },
          ],
        },
        { prefix: "quay.io/team", location: "quay.io/other" },
        {
          prefix: "ghcr.io",
          location: "ghcr.io",
          mirror: [{ location: "mirror.lan:5000/ghcr.io", insecure: true }],
        },
      ],
    });
  });

  test("gets the mirror of a new upstream with the comments that a new file has", () => {
    const before = registriesFile({ ...mirror, upstreams: ["docker.io"] }).text;
    const file = registriesFile(mirror);
    expect(file.findUpstreams(before)).toEqual(["docker.io"]);
    expect(file.merge(before)).toEqual({ text: file.text, losesComments: false });
  });

  test("says when comments do not survive; a number sign in a string is none", () => {
    const file = registriesFile(mirror);
    expect(file.merge('a = "b#c"\n').losesComments).toBe(false);
    expect(file.merge('a = "b#c" # careful\n').losesComments).toBe(true);
  });

  test("keeps whole numbers whole, however large, and fractions fractions", () => {
    const { text } = registriesFile(mirror).merge("a = 9007199254740993\nb = 1.0\n");
    expect(text).toMatch(/^a = 9007199254740993\nb = 1\.0\n/);
  });

  test("stays as it is where the registry's place is the mirror", () => {
    const file = registriesFile({ ...mirror, upstreams: ["ghcr.io"] });
    const existing = `[[registry]]\nprefix = "ghcr.io"\nlocation = "mirror.lan:5000/ghcr.io"\n`;
    expect(file.merge(existing).text).toBe(existing);
    expect(file.findUpstreams(existing)).toEqual(["ghcr.io"]);
  });

  test.each([
    ["registry = 5", "has a registry that is no list"],
    ["registry = [5]", "has a registry that is no table"],
    ['[[registry]]\nlocation = "docker.io"\nmirror = 5', "has a mirror that is no list"],
    ['a = "x', /^is not TOML, line 1: /],
  ])("is left alone if it is %j", (existing, problem) => {
    expect(() => registriesFile(mirror).merge(existing)).toThrow(problem);
  });
});

import { describe, expect, test } from "@jest/globals";
import { leadsToHostsFiles, setUpContainerd } from "../../../src/clients/containerd.ts";
import { fileOf, mirror } from "./mirrors.ts";

const path = "/etc/containerd/certs.d/docker.io/hosts.toml";

describe("containerd's hosts.toml", () => {
  test("sends to the mirror first, then to the registry", () => {
    expect(fileOf(setUpContainerd(mirror), path).text).toBe(
      [
        "# What is pulled from docker.io is asked of the mirror first.",
        'server = "https://registry-1.docker.io"',
        "",
        '[host."http://mirror.lan:5000"]',
        '  capabilities = ["pull", "resolve"]',
        "",
      ].join("\n"),
    );
  });

  test("is _default for any registry, and does not say where that is", () => {
    const { files } = setUpContainerd({ ...mirror, upstreams: ["ghcr.io", "*", "*.pkg.dev"] });
    expect(files.map((file) => file.path)).toEqual([
      "/etc/containerd/certs.d/ghcr.io/hosts.toml",
      "/etc/containerd/certs.d/_default/hosts.toml",
    ]);
    expect(files[1]?.text).not.toContain("server");
  });

  test("cannot be for a pattern: that is said", () => {
    const { files, notes } = setUpContainerd({ ...mirror, upstreams: ["ghcr.io", "*.pkg.dev"] });
    expect(files).toHaveLength(1);
    expect(notes.join("\n")).toContain("*.pkg.dev needs a directory");
  });

  test("gets the mirror in front of other hosts; what they say stays", () => {
    const existing = `# by hand
server = "https://elsewhere.example.org"

[host."https://old.example.org"]
  capabilities = ["pull"] # no tags
  [host."https://old.example.org".header]
    x-team = "a"
`;
    const { text, losesComments } = fileOf(setUpContainerd(mirror), path).merge(existing);
    expect(text).toBe(`# by hand
server = "https://elsewhere.example.org"

[host."http://mirror.lan:5000"]
capabilities = [ "pull", "resolve" ]

[host."https://old.example.org"]
capabilities = [ "pull" ]

[host."https://old.example.org".header]
x-team = "a"
`);
    expect(losesComments).toBe(true);
  });

  test("keeps what was said of the mirror, and adds the capabilities it lacks", () => {
    const existing = `[host."http://mirror.lan:5000/"]\ncapabilities = ["pull"]\ndial_timeout = "1s"\n`;
    const { text, losesComments } = fileOf(setUpContainerd(mirror), path).merge(existing);
    expect(text).toBe(
      `[host."http://mirror.lan:5000/"]\ncapabilities = [ "pull", "resolve" ]\ndial_timeout = "1s"\n`,
    );
    expect(losesComments).toBe(false);
  });

  test.each([
    'server = "http://mirror.lan:5000"\n',
    '[host."http://mirror.lan:5000"]\n  skip_verify = true # as it is\n',
    '[host."https://a"]\n[host."http://mirror.lan:5000"]\ncapabilities = ["resolve", "pull"]\n',
  ])("stays as it is, to the letter, where it leads to the mirror: %j", (existing) => {
    const file = fileOf(setUpContainerd(mirror), path);
    expect(file.merge(existing)).toEqual({ text: existing, losesComments: false });
    expect(file.findUpstreams(existing)).toEqual(["docker.io"]);
  });

  test.each(["host = 5", '[host]\n"http://mirror.lan:5000" = 5'])(
    "is left alone: %j",
    (existing) => {
      expect(() => fileOf(setUpContainerd(mirror), path).merge(existing)).toThrow(
        "that is no table",
      );
    },
  );
});

describe("containerd's own settings", () => {
  test.each([
    '[plugins."io.containerd.cri.v1.images".registry]\n  config_path = "/etc/containerd/certs.d"\n',
    "config_path = '/etc/containerd/certs.d/:/etc/docker/certs.d'",
  ])("lead to the files: %j", (config) => {
    expect(leadsToHostsFiles(config)).toBe(true);
  });

  test.each(["", '# config_path = "/etc/containerd/certs.d"', 'config_path = ""'])(
    "do not: %j",
    (config) => {
      expect(leadsToHostsFiles(config)).toBe(false);
    },
  );

  test("in the snippet that is shown do", () => {
    const [snippet] = setUpContainerd(mirror).snippets;
    expect(leadsToHostsFiles(snippet?.text ?? "")).toBe(true);
  });
});

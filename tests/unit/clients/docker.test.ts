import { describe, expect, test } from "@jest/globals";
import { setUpDocker } from "../../../src/clients/docker.ts";
import { fileOf, mirror } from "./mirrors.ts";

const path = "/etc/docker/daemon.json";

function merge(existing: string, changes: Partial<typeof mirror> = {}): unknown {
  const { text } = fileOf(setUpDocker({ ...mirror, ...changes }), path).merge(existing);
  return JSON.parse(text);
}

describe("docker's daemon.json", () => {
  test("names the mirror, and allows its name without TLS", () => {
    expect(fileOf(setUpDocker(mirror), path).text).toBe(
      `${JSON.stringify(
        { "registry-mirrors": [mirror.url], "insecure-registries": ["mirror.lan:5000"] },
        undefined,
        2,
      )}\n`,
    );
  });

  test.each(["https://mirror.example.org", "http://127.0.0.1:5000"])(
    "needs no permission for %s",
    (url) => {
      expect(merge("{}", { url })).toEqual({ "registry-mirrors": [url] });
    },
  );

  test("gets the mirror in front of others, and keeps what else is there", () => {
    const existing = { debug: true, "registry-mirrors": ["https://old.example.org"], dns: ["::1"] };
    expect(merge(JSON.stringify(existing))).toEqual({
      debug: true,
      "registry-mirrors": [mirror.url, "https://old.example.org"],
      dns: ["::1"],
      "insecure-registries": ["mirror.lan:5000"],
    });
  });

  test("stays as it is, to the letter, where the mirror is named in another way or place", () => {
    const existing =
      '{ "registry-mirrors":["https://a", "http://mirror.LAN:5000/"],\n\n"insecure-registries": ["mirror.lan:5000"]}';
    expect(fileOf(setUpDocker(mirror), path).merge(existing).text).toBe(existing);
  });

  test("keeps its indentation", () => {
    const { text } = fileOf(setUpDocker(mirror), path).merge('{\n\t"debug": true\n}\n');
    expect(text).toMatch(/^\{\n\t"debug": true,\n\t"registry-mirrors": \[\n\t\t"/);
  });

  test.each([
    ['{"registry-mirrors": "http://a"}', "has registry-mirrors that is no list"],
    ["[]", "is not a JSON object"],
    ['{\n  "a": 1,\n}', "is not JSON, line 3 column 1"],
  ])("is left alone if it is %j", (existing, problem) => {
    expect(() => merge(existing)).toThrow(problem);
  });
});

describe("docker", () => {
  test("reads a hosts.toml for each registry but Docker Hub", () => {
    const { files, notes } = setUpDocker({
      ...mirror,
      upstreams: ["docker.io", "ghcr.io", "reg.lan:5001", "*.pkg.dev", "*"],
    });
    expect(files.map((file) => file.path)).toEqual([
      path,
      "/etc/docker/certs.d/ghcr.io/hosts.toml",
      "/etc/docker/certs.d/reg.lan:5001/hosts.toml",
    ]);
    expect(notes.join("\n")).toContain("docker pull mirror.lan:5000/ghcr.io/OWNER/NAME");
    expect(notes.join("\n")).toContain("*.pkg.dev needs a directory");
  });

  test("is not sent to a mirror where bare names are not Docker Hub's", () => {
    const setup = setUpDocker({
      url: "https://mirror.example.org",
      upstreams: ["ghcr.io", "docker.io"],
    });
    expect(setup.files.map((file) => file.path)).toEqual([
      "/etc/docker/certs.d/ghcr.io/hosts.toml",
      "/etc/docker/certs.d/docker.io/hosts.toml",
    ]);
    expect(setup.notes[0]).toContain("There is no registry-mirrors");
  });
});

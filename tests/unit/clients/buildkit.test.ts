import { describe, expect, test } from "@jest/globals";
import { parse } from "smol-toml";
import { setUpBuildkit } from "../../../src/clients/buildkit.ts";
import { fileOf, mirror } from "./mirrors.ts";

const path = "/etc/buildkit/buildkitd.toml";

describe("buildkitd.toml", () => {
  test("has a mirror for each registry, and says that it has no TLS", () => {
    expect(parse(fileOf(setUpBuildkit(mirror), path).text)).toEqual({
      registry: {
        "docker.io": { mirrors: ["mirror.lan:5000/docker.io"] },
        "ghcr.io": { mirrors: ["mirror.lan:5000/ghcr.io"] },
        "mirror.lan:5000": { http: true },
      },
    });
    const { text } = fileOf(setUpBuildkit({ ...mirror, url: "https://m.example.org" }), path);
    expect(text).not.toContain("http = true");
  });

  test("gets the mirror in front of others, and keeps what else is there", () => {
    const existing = `debug = true
[worker.oci]
max-parallelism = 4
[registry."docker.io"]
mirrors = ["old.example.org"]
[registry."mirror.lan:5000"]
ca = ["/a.pem"]
`;
    expect(parse(fileOf(setUpBuildkit(mirror), path).merge(existing).text)).toEqual({
      debug: true,
      worker: { oci: { "max-parallelism": 4 } },
      registry: {
        "docker.io": { mirrors: ["mirror.lan:5000/docker.io", "old.example.org"] },
        "mirror.lan:5000": { ca: ["/a.pem"], http: true },
        "ghcr.io": { mirrors: ["mirror.lan:5000/ghcr.io"] },
      },
    });
  });

  test("cannot name patterns, nor in a container this host: that is said", () => {
    const { notes } = setUpBuildkit({
      url: "http://127.0.0.1:5000",
      upstreams: ["docker.io", "*.pkg.dev"],
    });
    expect(notes.join("\n")).toContain("*.pkg.dev is left out");
    expect(notes.join("\n")).toContain("is the container itself");
    expect(setUpBuildkit(mirror).notes.join("\n")).not.toMatch(/left out|itself/);
  });
});

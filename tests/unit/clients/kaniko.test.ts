import { expect, test } from "@jest/globals";
import { setUpKaniko } from "../../../src/clients/kaniko.ts";
import { mirror } from "./mirrors.ts";

test("kaniko gets a map for each registry, Docker Hub by the name kaniko has for it", () => {
  const { files, snippets } = setUpKaniko(mirror);
  expect(files).toEqual([]);
  expect(snippets.map(({ text }) => text)).toEqual([
    "--registry-map=index.docker.io=mirror.lan:5000/docker.io\n" +
      "--registry-map=ghcr.io=mirror.lan:5000/ghcr.io\n" +
      "--insecure-registry=mirror.lan:5000\n",
  ]);
});

test("kaniko is told of nothing insecure with TLS, and that patterns are left out", () => {
  const { snippets, notes } = setUpKaniko({
    url: "https://mirror.example.org",
    upstreams: ["ghcr.io", "*"],
  });
  expect(snippets[0]?.text).toBe("--registry-map=ghcr.io=mirror.example.org/ghcr.io\n");
  expect(notes.join("\n")).toContain("* is left out");
  expect(notes.join("\n")).not.toContain("--registry-mirror");
});

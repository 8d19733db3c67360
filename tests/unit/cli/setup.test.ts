import { readdir, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { makeTempDir } from "../../support/temp-dir.ts";
import { runMain } from "./run-main.ts";
import { run } from "./run-program.ts";

const url = "http://mirror.lan:5000";

describe("entrepot setup", () => {
  test("prints the file as it belongs there, its place, and what to do then", async () => {
    const { code, stdout, stderr } = await run(["setup", "docker", "--url", url]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(`Docker, for the mirror at http://mirror.lan:5000 (--url)

==> /etc/docker/daemon.json <==
{
  "registry-mirrors": [
    "http://mirror.lan:5000"
  ],
  "insecure-registries": [
    "mirror.lan:5000"
  ]
}

Then:
  sudo systemctl reload docker
  docker info

Good to know:
  docker info lists the mirror under Registry Mirrors; Docker asks it for Docker Hub only.
`);
  });

  test.each([
    ["containerd", "==> /etc/containerd/certs.d/docker.io/hosts.toml <=="],
    ["podman", "==> /etc/containers/registries.conf.d/entrepot.conf <=="],
    ["skopeo", "==> /etc/containers/registries.conf.d/entrepot.conf <=="],
    ["crio", "==> /etc/containers/registries.conf.d/entrepot.conf <=="],
    ["k3s", "==> /etc/rancher/k3s/registries.yaml <=="],
    ["buildkit", "==> /etc/buildkit/buildkitd.toml <=="],
    ["kaniko", "--registry-map=index.docker.io=mirror.lan:5000/docker.io"],
  ])("knows %s", async (client, expected) => {
    const { code, stdout } = await run(["setup", client, "--url", url]);
    expect(code).toBe(0);
    expect(stdout).toContain(expected);
  });

  test("prints one document as JSON", async () => {
    const { stdout } = await run(["setup", "crio", "--url", "https://m.example.org/", "--json"]);
    expect(JSON.parse(stdout)).toEqual({
      client: "crio",
      url: "https://m.example.org",
      urlFrom: "--url",
      files: [
        {
          path: "/etc/containers/registries.conf.d/entrepot.conf",
          upstreams: ["docker.io"],
          text: expect.stringContaining('location = "m.example.org/docker.io"'),
        },
      ],
      snippets: [],
      afterwards: ["sudo systemctl reload crio"],
      notes: [],
    });
  });

  test("writes nothing unless told to", async () => {
    await using root = await makeTempDir();
    const { code } = await run(["setup", "docker", "--url", url, "--root", root.path]);
    expect(code).toBe(0);
    expect(await readdir(root.path)).toEqual([]);
  });

  test.each([
    ["server: { publicUrl: https://m.example.org }", "https://m.example.org (server.publicUrl)"],
    ["server: { listen: 127.0.0.1:5005 }", "http://127.0.0.1:5005 (server.listen)"],
    ["server: { listen: localhost:5005 }", "http://127.0.0.1:5005 (server.listen)"],
    ['server: { listen: "[::1]:5005" }', "http://[::1]:5005 (server.listen)"],
    ["server: { listen: 10.0.0.7:5005 }", "http://10.0.0.7:5005 (server.listen)"],
    ["", `http://${hostname()}:5000 (assumed from this host's name and server.listen;`],
    ['server: { listen: "[::]:5005" }', `http://${hostname()}:5005 (assumed from this host's name`],
  ])("with %j says which URL it took: %s", async (config, expected) => {
    const { stdout } = await run(["setup", "podman"], { config });
    expect(stdout).toContain(`for the mirror at ${expected}`);
  });

  test.each(["mirror.lan:5000", "http://mirror.lan/v2", "http://me:secret@mirror.lan"])(
    "takes no %s as URL",
    async (wrong) => {
      const { code, stdout, stderr } = await run(["setup", "docker", "--url", wrong]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toContain("Write http or https, host and port: http://mirror.lan:5000.");
    },
  );

  test("needs a client that it knows", async () => {
    const { code, stderr } = await run(["setup", "dockr"]);
    expect(code).toBe(2);
    expect(stderr).toContain("error: unknown command 'dockr'\n(Did you mean docker?)");
  });

  test.each(["docker", "kaniko", "check"])("%s has help with examples", async (command) => {
    const { code, stdout } = await run(["setup", command, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: entrepot setup ${command} \\[options\\]`));
    expect(stdout).toContain(`Examples:\n  $ entrepot setup ${command}`);
    expect(stdout).toContain("--config <file>");
    expect(stdout).toContain("--json");
  });

  test("needs a good configuration", async () => {
    await using dir = await makeTempDir();
    await writeFile(join(dir.path, "mirror.config.yaml"), "server: 5");
    const { code, stdout, stderr } = await runMain(["setup", "docker"], { cwd: dir.path });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^mirror\.config\.yaml:1:9: server: /);
  });
});

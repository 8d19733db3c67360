import { once } from "node:events";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { makeTempDir } from "../../support/temp-dir.ts";
import { run } from "./run-program.ts";

interface Answers {
  api?: number;
  health?: number;
}

/** A host with one client set up, or none, and a mirror that answers so. */
async function makeHost({ api = 200, health = 200 }: Answers = {}) {
  await using owned = new AsyncDisposableStack();
  const root = owned.use(await makeTempDir());
  const server = createServer(({ url }, response) => {
    response.writeHead(url === "/v2/" ? api : health).end();
  });
  owned.defer(async () => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const url = `http://127.0.0.1:${port}`;
  const place = ["--url", url, "--root", root.path];
  const config = "upstreams: { docker.io: {}, ghcr.io: {} }";
  const all = owned.move();
  return {
    url,
    path: root.path,
    close: () => server.close(),
    setUp: (client: string, text = config) =>
      run(["setup", client, "--write", ...place], { config: text }),
    check: (...options: string[]) => run(["setup", "check", ...place, ...options], { config }),
    write: async (path: string, text: string) => {
      await mkdir(dirname(join(root.path, path)), { recursive: true });
      await writeFile(join(root.path, path), text);
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

describe("entrepot setup check", () => {
  test("is content where the mirror answers and a client names it for all", async () => {
    await using host = await makeHost();
    await host.setUp("podman");
    const { code, stdout, stderr } = await host.check();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`The mirror at ${host.url} (--url): it answers\n`);
    expect(stdout).toMatch(
      /^Podman, Buildah, Skopeo, CRI-O  \S+entrepot\.conf  docker\.io, ghcr\.io$/m,
    );
    expect(stdout).toMatch(/^Docker +none +nothing +docker\.io, ghcr\.io$/m);
    expect(stdout).not.toContain("Next:");
  });

  test("says what a client still pulls past the mirror, and what helps", async () => {
    await using host = await makeHost();
    await host.setUp("k3s", "upstreams: { docker.io: {} }");
    const { code, stdout } = await host.check();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^K3s +\S+registries\.yaml +docker\.io +ghcr\.io$/m);
    expect(stdout).toContain(`Next:\n  entrepot setup k3s --write --url ${host.url}\n`);
  });

  test("fails where no client names the mirror", async () => {
    await using host = await makeHost();
    await host.write("etc/docker/daemon.json", '{ "registry-mirrors": ["https://other"] }');
    const { code, stdout } = await host.check();
    expect(code).toBe(1);
    expect(stdout).toMatch(/^Docker +\S+daemon\.json +nothing +docker\.io, ghcr\.io$/m);
    expect(stdout).toContain(`Next:\n  entrepot setup docker --write --url ${host.url}\n`);
  });

  test("on a host without any settings says how to begin, and makes none", async () => {
    await using host = await makeHost();
    const { code, stdout } = await host.check();
    expect(code).toBe(1);
    expect(stdout).toContain("Next:\n  entrepot setup CLIENT --write");
    expect(await readdir(host.path)).toEqual([]);
  });

  test.each([
    [{ api: 404 }, /\/v2\/ answered 404: no registry, or not this mirror/],
    [{ health: 404 }, /\/healthz answered 404: not this mirror/],
  ])("fails where something else answers: %j", async (answers, problem) => {
    await using host = await makeHost(answers);
    await host.setUp("docker");
    const { code, stdout } = await host.check();
    expect(code).toBe(1);
    expect(stdout).toMatch(problem);
    expect(stdout).toContain("Next:\n  start the mirror");
  });

  test("fails where nothing answers", async () => {
    await using host = await makeHost();
    await host.setUp("docker");
    host.close();
    const { code, stdout } = await host.check();
    expect(code).toBe(1);
    expect(stdout).toContain(`${host.url} cannot be reached: connect ECONNREFUSED`);
  });

  test("ends when it is told to", async () => {
    await using host = await makeHost();
    const args = ["setup", "check", "--url", host.url, "--root", host.path];
    const { code, stdout } = await run(args, { stop: AbortSignal.abort() });
    expect(code).toBe(1);
    expect(stdout).toContain("stopped before it answered");
  });

  test("says which file it cannot use, and goes on", async () => {
    await using host = await makeHost();
    await host.setUp("k3s");
    await host.write("etc/docker/daemon.json", "{,}");
    const { code, stdout } = await host.check();
    expect(code).toBe(0);
    expect(stdout).toContain(`${host.path}/etc/docker/daemon.json: is not JSON`);
    expect(stdout).toMatch(/^Docker +unreadable +nothing/m);
  });

  test("says that Kubernetes may not find containerd's files", async () => {
    await using host = await makeHost();
    await host.setUp("containerd");
    const warning = "no config_path leads to these files";
    expect((await host.check()).stdout).toContain(warning);
    await host.write(
      "etc/containerd/config.toml",
      '[plugins."io.containerd.cri.v1.images".registry]\nconfig_path = "/etc/containerd/certs.d"\n',
    );
    const { code, stdout } = await host.check();
    expect(code).toBe(0);
    expect(stdout).not.toContain(warning);
    expect(stdout).toMatch(/^containerd +2 files +docker\.io, ghcr\.io$/m);
  });

  test("prints one document as JSON", async () => {
    await using host = await makeHost();
    await host.setUp("buildkit");
    const { stdout } = await host.check("--json");
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ url: host.url, urlFrom: "--url", reachable: true, ok: true });
    expect(document.clients).toContainEqual({
      client: "buildkit",
      title: "BuildKit",
      files: [join(host.path, "etc/buildkit/buildkitd.toml")],
      through: ["docker.io", "ghcr.io"],
      past: [],
      problems: [],
    });
  });
});

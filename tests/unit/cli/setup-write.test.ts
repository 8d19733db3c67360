import {
  chmod,
  mkdir,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { accessError } from "../../../src/cli/client-files.ts";
import { makeTempDir } from "../../support/temp-dir.ts";
import { run } from "./run-program.ts";

const url = "https://mirror.example.org";
const stamp = "20260310120000";

/** A directory that stands for /. */
async function makeRoot(files: Record<string, string> = {}) {
  const dir = await makeTempDir();
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir.path, path)), { recursive: true });
    await writeFile(join(dir.path, path), text);
  }
  return {
    path: dir.path,
    read: (path: string) => readFile(join(dir.path, path), "utf8"),
    write: (client: string, ...options: string[]) =>
      run(["setup", client, "--url", url, "--write", "--root", dir.path, ...options]),
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

const daemon = "etc/docker/daemon.json";
const fresh = `{\n  "registry-mirrors": [\n    "${url}"\n  ]\n}\n`;

describe("entrepot setup --write", () => {
  test("makes what is not there, with its directories", async () => {
    await using root = await makeRoot();
    const { code, stdout, stderr } = await root.write("docker");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`\ncreated ${root.path}/${daemon}\n`);
    expect(stdout).toContain("Then:\n  sudo systemctl reload docker\n");
    expect(await root.read(daemon)).toBe(fresh);
    expect(await readdir(join(root.path, "etc/docker"))).toEqual(["daemon.json"]);
    const { mode } = await stat(join(root.path, daemon));
    expect(mode & 0o777).toBe(0o644 & ~process.umask());
  });

  test("merges, keeps a copy of what was there, and its mode", async () => {
    const before = '{ "debug": true }';
    await using root = await makeRoot({ [daemon]: before });
    await chmod(join(root.path, daemon), 0o600);
    const { code, stdout } = await root.write("docker");
    const backup = `${daemon}.entrepot-backup-${stamp}`;
    expect(code).toBe(0);
    expect(stdout).toContain(
      `\nchanged ${root.path}/${daemon}\n  what was there: ${root.path}/${backup}\n`,
    );
    expect(JSON.parse(await root.read(daemon))).toEqual({ debug: true, "registry-mirrors": [url] });
    expect(await root.read(backup)).toBe(before);
    for (const path of [daemon, backup]) {
      expect((await stat(join(root.path, path))).mode & 0o777).toBe(0o600);
    }
    expect(await readdir(join(root.path, "etc/docker"))).toHaveLength(2);
  });

  test.each(["docker", "containerd", "podman", "skopeo", "crio", "k3s", "buildkit"])(
    "changes nothing the second time: %s",
    async (client) => {
      await using root = await makeRoot();
      const first = await root.write(client, "--json");
      const second = await root.write(client);
      const { files } = JSON.parse(first.stdout);
      expect(files.length).toBeGreaterThan(0);
      for (const { path, outcome } of files) {
        expect(outcome).toBe("created");
        expect(second.stdout).toContain(`\nunchanged ${path}\n`);
        expect(await readdir(dirname(path))).toHaveLength(1);
      }
      expect(second.stdout).not.toContain("Then:");
    },
  );

  test("says so when comments are lost, also in JSON", async () => {
    const text = "debug = true # for now\n";
    const path = "etc/buildkit/buildkitd.toml";
    await using plain = await makeRoot({ [path]: text });
    expect((await plain.write("buildkit")).stdout).toContain(
      "its comments are only there, as they cannot be kept",
    );
    await using json = await makeRoot({ [path]: text });
    const { files } = JSON.parse((await json.write("buildkit", "--json")).stdout);
    expect(files).toEqual([
      {
        path: join(json.path, path),
        outcome: "changed",
        backup: join(json.path, `${path}.entrepot-backup-${stamp}`),
        losesComments: true,
      },
    ]);
  });

  test("leaves everything alone where one file cannot be parsed", async () => {
    const path = "etc/containerd/certs.d/quay.io/hosts.toml";
    await using root = await makeRoot({ [path]: 'server = "https://quay' });
    const config = "upstreams: { docker.io: {}, quay.io: {} }";
    const args = ["setup", "containerd", "--url", url, "--write", "--root", root.path];
    const { code, stderr } = await run(args, { config });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /quay\.io\/hosts\.toml: is not TOML, line 1: .*; nothing was written\n$/,
    );
    expect(await root.read(path)).toBe('server = "https://quay');
    expect(await readdir(join(root.path, "etc/containerd/certs.d"))).toEqual(["quay.io"]);
  });

  test("follows a link within the root, and leaves it a link", async () => {
    await using root = await makeRoot({ "opt/daemon.json": "{}", "etc/docker/key": "" });
    await symlink("../../opt/daemon.json", join(root.path, daemon));
    expect((await root.write("docker")).code).toBe(0);
    expect(await readlink(join(root.path, daemon))).toBe("../../opt/daemon.json");
    expect(await root.read("opt/daemon.json")).toBe(fresh);
    expect(await readdir(join(root.path, "opt"))).toEqual([
      "daemon.json",
      `daemon.json.entrepot-backup-${stamp}`,
    ]);
  });

  test.each(["file", "directory"])(
    "does not follow a %s that leads out of the root",
    async (kind) => {
      await using outside = await makeRoot({ "daemon.json": "{}" });
      await using root = await makeRoot({ "etc/key": "" });
      if (kind === "file") {
        await mkdir(join(root.path, "etc/docker"));
        await symlink(join(outside.path, "daemon.json"), join(root.path, daemon));
      } else await symlink(outside.path, join(root.path, "etc/docker"));
      const { code, stderr } = await root.write("docker");
      expect(code).toBe(1);
      expect(stderr).toContain(`${daemon}: a link leads out of ${root.path}`);
      expect(await outside.read("daemon.json")).toBe("{}");
      expect(await readdir(outside.path)).toEqual(["daemon.json"]);
    },
  );

  test("replaces no earlier copy: the file stays as it is", async () => {
    const backup = `${daemon}.entrepot-backup-${stamp}`;
    await using root = await makeRoot({ [daemon]: "{}", [backup]: "earlier" });
    const { code, stderr } = await root.write("docker");
    expect(code).toBe(1);
    expect(stderr).toContain(`${daemon}: cannot be written (EEXIST)`);
    expect(await root.read(daemon)).toBe("{}");
    expect(await root.read(backup)).toBe("earlier");
    expect(await readdir(join(root.path, "etc/docker"))).toHaveLength(2);
  });

  test("says what is in the way of a directory", async () => {
    await using root = await makeRoot({ "etc/docker": "a file" });
    const { code, stderr } = await root.write("docker");
    expect(code).toBe(1);
    expect(stderr).toMatch(/daemon\.json: cannot be written \((EEXIST|ENOTDIR)\)/);
  });

  test("says that the root is not there", async () => {
    await using root = await makeRoot();
    const absent = join(root.path, "absent");
    const options = ["setup", "docker", "--url", url, "--write", "--root", absent];
    const { code, stderr } = await run(options);
    expect({ code, stderr }).toEqual({ code: 1, stderr: `${absent} does not exist\n` });
  });

  test("has nothing to write for kaniko, but what to pass it", async () => {
    await using root = await makeRoot();
    const { code, stdout } = await root.write("kaniko");
    expect(code).toBe(0);
    expect(stdout).toContain("--registry-map=index.docker.io=mirror.example.org/docker.io");
    expect(await readdir(root.path)).toEqual([]);
  });

  test("says that it takes other rights", () => {
    const denied = Object.assign(new Error("denied"), { code: "EACCES" });
    expect(accessError("/etc/docker/daemon.json", "written", denied).message).toBe(
      "/etc/docker/daemon.json: cannot be written (EACCES); it takes the rights of its owner: try again with sudo",
    );
  });
});

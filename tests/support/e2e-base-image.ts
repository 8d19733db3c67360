import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { Docker } from "./e2e-docker.ts";
import { run } from "./e2e-process.ts";

/**
 * Makes a base image for the Dockerfile out of this machine: the Node that runs the tests, its
 * libraries, npm with its cache, and busybox for the rest. npm asks no registry in it.
 */
export async function importBaseImage(
  docker: Docker,
  directory: string,
  name: string,
): Promise<void> {
  const root = join(directory, "rootfs");
  await copyPrograms(root);
  await copyNpm(root);
  await copyLibraries(root);
  await writeFile(join(root, "etc", "passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  const archive = join(directory, "rootfs.tar");
  await run("tar", ["-C", root, "--owner=0", "--group=0", "-cf", archive, "."]);
  const environment = "ENV PATH=/usr/local/bin:/usr/bin:/bin NPM_CONFIG_OFFLINE=true";
  await docker.docker(["import", "--change", environment, archive, name]);
}

async function copyPrograms(root: string): Promise<void> {
  for (const path of ["bin", "etc", "root", "tmp", "usr/bin", "usr/lib/node_modules"]) {
    await mkdir(join(root, path), { recursive: true });
  }
  await cp("/bin/busybox", join(root, "bin", "busybox"), { dereference: true });
  const applets = await run("busybox", ["--list"]);
  for (const applet of applets.split("\n").filter((line) => line !== "" && line !== "busybox")) {
    await symlink("busybox", join(root, "bin", applet));
  }
  await symlink("../../bin/busybox", join(root, "usr", "bin", "env"));
  await cp(process.execPath, join(root, "usr", "bin", "node"), { dereference: true });
}

async function copyNpm(root: string): Promise<void> {
  const npm = join("usr", "lib", "node_modules", "npm");
  await cp(await findNpm(), join(root, npm), { recursive: true, dereference: true });
  await symlink(join("/", npm, "bin", "npm-cli.js"), join(root, "usr", "bin", "npm"));
  const cache = process.env["npm_config_cache"] ?? join(homedir(), ".npm");
  const target = join(root, "root", ".npm", "_cacache");
  await mkdir(dirname(target), { recursive: true });
  await cp(join(cache, "_cacache"), target, { recursive: true });
}

/** The npm that runs the tests tells where it is; what it takes for its prefix may be another's. */
async function findNpm(): Promise<string> {
  const cli = process.env["npm_execpath"];
  if (cli !== undefined) return dirname(dirname(cli));
  return join((await run("npm", ["root", "--global"])).trim(), "npm");
}

/** What the dynamic linker names for Node, and what glibc opens by itself to look up hosts. */
async function copyLibraries(root: string): Promise<void> {
  const listed = await run("ldd", [process.execPath]);
  for (const [path] of listed.matchAll(/\/\S+\.so\S*/g)) {
    const target = join(root, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, await readFile(path), { mode: 0o755 });
  }
}

// Runs on any Node >= 18 with no dependencies: makes node_modules match package-lock.json.
import { readFileSync, mkdirSync, rmdirSync, existsSync } from "node:fs";
import { spawnSync } from "node:child_process";
const pkgs = (f) => {
  try {
    return JSON.parse(readFileSync(f, "utf8")).packages;
  } catch {
    return undefined;
  }
};
const fresh = () => {
  const want = pkgs("package-lock.json"),
    have = pkgs("node_modules/.package-lock.json");
  return (
    have !== undefined &&
    Object.entries(want).every(
      ([k, v]) =>
        k === "" ||
        (have[k]
          ? have[k].version === v.version && have[k].integrity === v.integrity
          : v.optional === true || v.peer === true || v.devOptional === true),
    )
  );
};
const haveNode = () => {
  const r = spawnSync("node", ["-p", "process.versions.node"], { encoding: "utf8" });
  return r.status === 0 && Number(r.stdout.split(".")[0]) >= 24;
};
if (!fresh()) {
  const lock = ".setup-lock";
  const t0 = Date.now();
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (e) {
      if (e.code !== "EEXIST") throw e;
      if (Date.now() - t0 > 300_000) {
        console.error(`setup: ${lock} is held; remove it if no other set-up runs`);
        process.exit(1);
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
  try {
    if (!fresh()) {
      const npm = process.env.npm_execpath;
      const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
      const r = npm
        ? spawnSync(process.execPath, [npm, ...args], { stdio: "inherit" })
        : spawnSync("npm", args, { stdio: "inherit", shell: process.platform === "win32" });
      if (r.status !== 0) process.exitCode = r.status ?? 1;
    }
  } finally {
    rmdirSync(lock);
  }
}
if (!process.exitCode && !haveNode()) {
  console.error(
    `setup: needs Node.js >= 24; none on PATH and no bundled build for ${process.platform}-${process.arch}`,
  );
  process.exitCode = 1;
}

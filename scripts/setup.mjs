// Makes node_modules match package-lock.json, and is quiet where it does. Runs before start and
// test, hence on any Node from 18 on, and without dependencies.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { basename, delimiter, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { acquireLock, breakLock, findOwner, isDead, removeLeftovers } from "./setup-lock.mjs";

const neededNode = 24;
const longestWaitMs = 900_000;

/** npm writes it last. */
const installedLock = "node_modules/.package-lock.json";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
process.exitCode = (await ensureInstalled()) || checkNode();
removeLeftovers();

/** Resolves to an exit code. Several may do this at once; one installs, the others wait. */
async function ensureInstalled() {
  const giveUpAt = Date.now() + longestWaitMs;
  let isWaiting = false;
  while (Date.now() < giveUpAt) {
    const owner = findOwner();
    if (owner && isDead(owner)) {
      breakLock(owner);
    } else if (owner) {
      if (!isWaiting) console.error("setup: waiting for another set-up to finish");
      isWaiting = true;
      await delay(200);
    } else {
      if (isInstalled()) return 0;
      const lock = acquireLock();
      if (lock) return installWith(lock);
    }
  }
  console.error("setup: another set-up takes too long; end it, remove .setup-lock, and try again");
  return 1;
}

async function installWith(lock) {
  try {
    return isInstalled() ? 0 : await install(lock);
  } finally {
    lock.release();
  }
}

async function install(lock) {
  console.error("setup: installing dependencies");
  // Without it a tree that was torn down halfway by a kill could pass for a whole one.
  rmSync(installedLock, { force: true });
  const npm = startNpm(["ci", "--include=dev", "--include=optional", "--no-audit", "--no-fund"]);
  process.on("SIGTERM", () => npm.kill("SIGTERM"));
  // Ctrl-C reaches npm by itself; told twice, it does not tidy up. Here it only must not leave the lock.
  process.on("SIGINT", () => {});
  if (npm.pid !== undefined) lock.share(npm.pid);
  const [code] = await once(npm, "close");
  return code ?? 1;
}

/** The npm that runs us, if one does, with the Node it runs on. */
function startNpm(args) {
  const options = { stdio: "inherit" };
  const { npm_execpath: script, npm_node_execpath: node = process.execPath } = process.env;
  if (script !== undefined && basename(script).startsWith("npm")) {
    return spawn(node, [script, ...args], options);
  }
  return spawn("npm", args, { ...options, shell: process.platform === "win32" });
}

function isInstalled() {
  const wanted = readPackages("package-lock.json") ?? {};
  const present = readPackages(installedLock);
  if (present === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "") return true;
    const found = present[path];
    if (found === undefined) return Boolean(entry.optional || entry.peer || entry.devOptional);
    const isSame = found.version === entry.version && found.integrity === entry.integrity;
    return isSame && existsSync(`${path}/package.json`);
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** What npm runs next takes the Node in node_modules, where there is one for this machine. */
function checkNode() {
  const path = [resolve("node_modules/.bin"), process.env.PATH].join(delimiter);
  const { stdout } = spawnSync("node", ["-p", "process.versions.node"], {
    encoding: "utf8",
    env: { ...process.env, PATH: path },
  });
  if (Number.parseInt(stdout ?? "", 10) >= neededNode) return 0;
  console.error(
    `setup: needs Node.js ${neededNode} or newer: there is none on PATH, and npm has none for ${process.platform}-${process.arch}`,
  );
  return 1;
}

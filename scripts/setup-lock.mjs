import { randomUUID } from "node:crypto";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";

/*
 * A lock among processes that may be killed at any time. It is a directory that holds a file which
 * names its owner. A directory can be renamed onto another one only if that is empty, so taking the
 * lock (renaming a draft to its name) and breaking it (renaming it to a name made of its token)
 * each succeed for one process only.
 */
const lock = ".setup-lock";
const ownerFile = `${lock}/owner.json`;
const heartbeatMs = 2000;

/** Where the owner's processes can be looked up, this only guards against a pid that was given again. */
const silentTooLongMs = 600_000;
/** For an owner in another container or on another machine. */
const silentTooLongElsewhereMs = 30_000;

/** Who holds the lock, or undefined. */
export function findOwner() {
  try {
    const owner = JSON.parse(readFileSync(ownerFile, "utf8"));
    return { ...owner, silentMs: Date.now() - statSync(ownerFile).mtimeMs };
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Its processes are gone, a child that outlived its parent included. */
export function isDead(owner) {
  if (owner.host !== hostname()) return owner.silentMs > silentTooLongElsewhereMs;
  return owner.silentMs > silentTooLongMs || !owner.pids.some(isAlive);
}

/** Takes the lock away from a dead owner, unless somebody else just did. */
export function breakLock(owner) {
  renameUnlessTaken(lock, `${lock}.${owner.token}`);
}

/** undefined: somebody else has it. */
export function acquireLock() {
  const owner = { host: hostname(), token: randomUUID(), pids: [process.pid] };
  if (!takeLock(owner)) return undefined;
  const heartbeat = setInterval(beat, heartbeatMs);
  return {
    /** As long as this process lives, the lock is held, even if its parent is gone. */
    share(pid) {
      const next = `${ownerFile}.next`;
      writeFileSync(next, JSON.stringify({ ...owner, pids: [...owner.pids, pid] }));
      renameSync(next, ownerFile);
    },
    release() {
      clearInterval(heartbeat);
      if (findOwner()?.token === owner.token) renameUnlessTaken(lock, `${lock}.${owner.token}`);
    },
  };
}

/** Writes down the owner first, so that there never is a lock without one. */
function takeLock(owner) {
  const draft = `${lock}.${owner.token}.draft`;
  mkdirSync(draft);
  writeFileSync(`${draft}/owner.json`, JSON.stringify(owner));
  const isTaken = renameUnlessTaken(draft, lock);
  if (!isTaken) rmSync(draft, { recursive: true, force: true });
  return isTaken;
}

function beat() {
  try {
    utimesSync(ownerFile, new Date(), new Date());
  } catch (error) {
    // Gone: this process was stopped for so long that somebody else took over.
    if (error.code !== "ENOENT") throw error;
  }
}

function renameUnlessTaken(from, to) {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (["ENOENT", "EEXIST", "ENOTEMPTY", "EPERM"].includes(error.code)) return false;
    throw error;
  }
}

/** Broken locks and, once they are old, drafts of processes that were killed. */
export function removeLeftovers() {
  for (const name of readdirSync(".").filter((entry) => entry.startsWith(`${lock}.`))) {
    const ageMs = Date.now() - (statSync(name, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (name.endsWith(".draft") && ageMs < silentTooLongElsewhereMs) continue;
    rmSync(name, { recursive: true, force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
  return isOurs(pid);
}

/** Where there is /proc: false for a pid that another program got since, and for a zombie. */
function isOurs(pid) {
  try {
    return /setup|npm/.test(readFileSync(`/proc/${pid}/cmdline`, "utf8"));
  } catch {
    return true;
  }
}

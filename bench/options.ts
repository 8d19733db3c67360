import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isPeerName, peers, type PeerName } from "./peers/peers.ts";

export interface Options {
  /** Names of works. */
  only: readonly string[];
  peers: PeerName[];
  runs: number;
  /** Of the blobs, instead of each work's own. */
  sizeMib: number | undefined;
  minutes: number;
  isQuick: boolean;
  mirrorMain: string;
  /** Takes the raw results. */
  jsonFile: string | undefined;
  isList: boolean;
}

/** The command line makes no sense. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const usage = `usage: npm run bench [-- OPTIONS]

  --only NAME[,NAME]   these works only; --list shows them
  --peers NAME[,NAME]  compare with these: ${Object.keys(peers).join(", ")} (the default), or none
  --runs N             measurements of each, of which the median counts (5)
  --size MIB           of the blobs, instead of each work's own
  --minutes N          that the soak takes (3)
  --quick              small and once: shows that all of it works, and measures nothing
  --mirror FILE        main.js of another build, instead of dist/main.js
  --json FILE          write all samples there, with the facts of the machine
  --list               show the works`;

const options = {
  only: { type: "string" },
  peers: { type: "string", default: Object.keys(peers).join(",") },
  runs: { type: "string" },
  size: { type: "string" },
  minutes: { type: "string", default: "3" },
  quick: { type: "boolean", default: false },
  mirror: { type: "string", default: fileURLToPath(new URL("../dist/main.js", import.meta.url)) },
  json: { type: "string" },
  list: { type: "boolean", default: false },
} as const;

/** Throws UsageError. */
export function parseOptions(args: string[], works: readonly string[]): Options {
  const { only, runs, size, minutes, ...values } = readArguments(args);
  return {
    only: only === undefined ? works : only.split(",").map((name) => parseWork(name, works)),
    peers: values.peers === "none" ? [] : values.peers.split(",").map(parsePeer),
    runs: runs === undefined ? defaultRuns(values.quick) : parseCount("--runs", runs),
    sizeMib: size === undefined ? undefined : parseCount("--size", size),
    minutes: parseCount("--minutes", minutes),
    isQuick: values.quick,
    mirrorMain: values.mirror,
    jsonFile: values.json,
    isList: values.list,
  };
}

function readArguments(args: string[]) {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError(Error.isError(error) ? error.message : String(error));
  }
}

function defaultRuns(isQuick: boolean): number {
  return isQuick ? 1 : 5;
}

function parseWork(name: string, works: readonly string[]): string {
  if (works.includes(name)) return name;
  throw new UsageError(`--only: there is no work "${name}"; there are ${works.join(", ")}`);
}

function parsePeer(name: string): PeerName {
  if (isPeerName(name)) return name;
  const known = Object.keys(peers).join(", ");
  throw new UsageError(`--peers: there is no peer "${name}"; there are ${known}, or none`);
}

function parseCount(option: string, text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1) return value;
  throw new UsageError(`${option}: "${text}" is no whole number from 1`);
}

import { hostname } from "node:os";
import { defaultFirst, type Mirror } from "../clients/mirror.ts";
import type { Config } from "../config/config.ts";
import { formatUrl } from "./format-url.ts";

export interface FoundMirror {
  mirror: Mirror;
  /** Where its URL is from, for people. */
  source: string;
}

/** What clients are told to call this mirror: as asked for, as configured, or as well as can be guessed. */
export function findMirror(config: Config, asked: string | undefined): FoundMirror {
  const upstreams = defaultFirst(config.upstreams.keys(), config.defaultUpstream);
  const { publicUrl } = config.server;
  if (asked !== undefined) return { mirror: { url: asked, upstreams }, source: "--url" };
  if (publicUrl !== undefined) {
    return { mirror: { url: publicUrl, upstreams }, source: "server.publicUrl" };
  }
  const { host, source } = guessHost(config.server.host);
  return { mirror: { url: formatUrl(host, config.server.port), upstreams }, source };
}

/** Loopback addresses are themselves to clients of this host, and no other can reach the mirror. */
function guessHost(listening: string): { host: string; source: string } {
  if (listening === "localhost") return { host: "127.0.0.1", source: "server.listen" };
  if (!["0.0.0.0", "::"].includes(listening)) return { host: listening, source: "server.listen" };
  return {
    host: hostname(),
    source:
      "assumed from this host's name and server.listen; --url or server.publicUrl says better",
  };
}

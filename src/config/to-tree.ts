import { formatPlatform } from "../oci/platform.ts";
import type { Config, RuleConfig, StorageConfig } from "./config.ts";
import { formatListenAddress } from "./listen-address.ts";
import { withoutAbsent, type Tree } from "./tree.ts";
import { formatDuration, formatSize } from "./units.ts";
import { toUpstreamTree } from "./upstream-tree.ts";

/** The reverse of `toConfig`: in the words and units of the file, with secrets masked. */
export function toTree(config: Config): Tree {
  const { server, log, storage, scrub, tags, prefetch } = config;
  return {
    server: withoutAbsent({
      listen: formatListenAddress(server),
      drainTimeout: formatDuration(server.drainTimeoutMs),
      headersTimeout: formatDuration(server.headersTimeoutMs),
      idleTimeout: formatDuration(server.idleTimeoutMs),
      sendfile: server.sendfile,
      publicUrl: server.publicUrl,
    }),
    log: { ...log },
    storage: toStorageTree(storage),
    scrub: { rate: formatSize(scrub.bytesPerSecond), every: formatDuration(scrub.everyMs) },
    tags: {
      revalidateAfter: formatDuration(tags.revalidateAfterMs),
      revalidateTimeout: formatDuration(tags.revalidateTimeoutMs),
      serveStaleFor: formatDuration(tags.serveStaleForMs),
      negativeTtl: formatDuration(tags.negativeTtlMs),
    },
    rules: config.rules.map(toRuleTree),
    prefetch: withoutAbsent({
      images: prefetch.names,
      platforms:
        prefetch.platforms === "all" ? prefetch.platforms : prefetch.platforms.map(formatPlatform),
      schedule: prefetch.schedule,
      timeZone: prefetch.timeZone,
    }),
    defaultUpstream: config.defaultUpstream,
    upstreams: Object.fromEntries(
      [...config.upstreams].map(([host, upstream]) => [host, toUpstreamTree(host, upstream)]),
    ),
  };
}

function toStorageTree({ path, maxBytes, minFree, maxAgeMs }: StorageConfig): Tree {
  return {
    path,
    maxSize: formatSize(maxBytes),
    minFree: formatMinFree(minFree),
    maxAge: formatDuration(maxAgeMs),
  };
}

function formatMinFree(minFree: StorageConfig["minFree"]): string {
  if ("percent" in minFree) return `${minFree.percent}%`;
  return minFree.bytes === 0 ? "off" : formatSize(minFree.bytes);
}

function toRuleTree(rule: RuleConfig): Tree {
  const { pattern, place: _, ...settings } = rule;
  const entries = Object.entries(settings).map(([key, value]) => formatRuleSetting(key, value));
  return { match: pattern.text, ...Object.fromEntries(entries) };
}

/** `maxAgeMs: 86400000` → `maxAge: 1d` */
export function formatRuleSetting(
  key: string,
  value: number | boolean | string,
): [string, boolean | string] {
  const name = key.replace(/Ms$/, "");
  return [name, typeof value === "number" ? formatDuration(value) : value];
}

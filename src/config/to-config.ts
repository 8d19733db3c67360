import { platformOfMachine } from "../oci/platform.ts";
import type { Config, PrefetchConfig, RuleConfig } from "./config.ts";
import type { Settings } from "./schema.ts";
import { toUpstream, type Surroundings } from "./to-upstream.ts";

/** From the words of the file to those of the code, which name units. */
export function toConfig(
  { server, log, storage, scrub, tags, ...settings }: Settings,
  surroundings: Surroundings,
): Config {
  return {
    server: {
      ...server.listen,
      drainTimeoutMs: server.drainTimeout,
      headersTimeoutMs: server.headersTimeout,
      idleTimeoutMs: server.idleTimeout,
      sendfile: server.sendfile,
      publicUrl: server.publicUrl,
    },
    log,
    storage: {
      path: storage.path,
      maxBytes: storage.maxSize,
      minFree: storage.minFree,
      maxAgeMs: storage.maxAge,
    },
    scrub: { bytesPerSecond: scrub.rate, everyMs: scrub.every },
    tags: {
      revalidateAfterMs: tags.revalidateAfter,
      revalidateTimeoutMs: tags.revalidateTimeout,
      serveStaleForMs: tags.serveStaleFor,
      negativeTtlMs: tags.negativeTtl,
    },
    rules: settings.rules.map((rule, index) =>
      toRule(rule, surroundings.placeOf(["rules", index])),
    ),
    prefetch: toPrefetch(settings.prefetch),
    defaultUpstream: settings.defaultUpstream,
    upstreams: new Map(
      Object.entries(settings.upstreams).map(([host, upstream]) => [
        host,
        toUpstream(host, upstream, surroundings),
      ]),
    ),
  };
}

function toRule(written: Settings["rules"][number], place: string): RuleConfig {
  const { match, revalidateAfter, serveStaleFor, maxAge, immutable, pin, deny } = written;
  const { onUpstreamDelete } = written;
  return {
    pattern: match,
    place,
    ...(revalidateAfter !== undefined && { revalidateAfterMs: revalidateAfter }),
    ...(serveStaleFor !== undefined && { serveStaleForMs: serveStaleFor }),
    ...(immutable !== undefined && { immutable }),
    ...(onUpstreamDelete !== undefined && { onUpstreamDelete }),
    ...(pin !== undefined && { pin }),
    ...(maxAge !== undefined && { maxAgeMs: maxAge }),
    ...(deny !== undefined && { deny }),
  };
}

function toPrefetch(written: Settings["prefetch"]): PrefetchConfig {
  const platforms = written.platforms ?? [platformOfMachine(process.arch)];
  const chosen = platforms.filter((platform) => platform !== "all");
  return {
    names: written.images,
    platforms: chosen.length < platforms.length ? "all" : chosen,
    schedule: written.schedule,
    timeZone: written.timeZone,
  };
}

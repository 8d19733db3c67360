import type { Config, UpstreamConfig } from "./config.ts";
import type { Settings } from "./schema.ts";

/** From the words of the file to those of the code, which name units. */
export function toConfig({ server, log, storage, tags, ...settings }: Settings): Config {
  return {
    server: {
      ...server.listen,
      drainTimeoutMs: server.drainTimeout,
      headersTimeoutMs: server.headersTimeout,
      idleTimeoutMs: server.idleTimeout,
      publicUrl: server.publicUrl,
    },
    log,
    storage,
    tags: {
      revalidateAfterMs: tags.revalidateAfter,
      revalidateTimeoutMs: tags.revalidateTimeout,
      serveStaleForMs: tags.serveStaleFor,
      negativeTtlMs: tags.negativeTtl,
    },
    defaultUpstream: settings.defaultUpstream,
    upstreams: new Map(
      Object.entries(settings.upstreams).map(([host, upstream]) => [
        host,
        toUpstream(host, upstream),
      ]),
    ),
  };
}

function toUpstream(host: string, settings: Settings["upstreams"][string]): UpstreamConfig {
  return {
    endpoints: settings.endpoints ?? [defaultEndpoint(host)],
    credentials: toCredentials(settings.credentials),
    tokenRealms: settings.tokenRealms,
    connections: settings.connections,
    connectTimeoutMs: settings.connectTimeout,
    responseTimeoutMs: settings.responseTimeout,
    stallTimeoutMs: settings.stallTimeout,
    retries: settings.retries,
    maxRetryWaitMs: settings.maxRetryWait,
  };
}

/** Docker Hub's API is not at the host by which everybody names it. */
function defaultEndpoint(host: string): string {
  return host === "docker.io" ? "https://registry-1.docker.io" : `https://${host}`;
}

function toCredentials(
  written: Settings["upstreams"][string]["credentials"],
): UpstreamConfig["credentials"] {
  const password = written?.password ?? written?.passwordFile;
  return written && password !== undefined ? { username: written.username, password } : undefined;
}

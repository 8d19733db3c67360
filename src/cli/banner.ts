import type { Config } from "../config/config.ts";
import { dockerHub } from "../oci/docker-hub.ts";

/** What somebody who just started the server wants to know. */
export interface Announcement {
  /** Where it listens, as bound. */
  url: string;
  /** Absolute. */
  storage: string;
  upstreams: { host: string; endpoints: string[] }[];
  /** Docker asks its mirrors for nothing else, and by bare names. */
  isDockerHubDefault: boolean;
  /** What clients on this host, or everywhere if configured, call it. */
  mirrorUrl: string;
  /** Clients on other hosts must put a name of this machine in place of `localhost`. */
  isLocalOnly: boolean;
}

export function announce(config: Config, url: string): Announcement {
  const mirrorUrl = config.server.publicUrl ?? toClientUrl(url);
  return {
    url,
    storage: config.storage.path,
    upstreams: [...config.upstreams].map(([host, { endpoints }]) => ({
      host,
      endpoints: endpoints.map((endpoint) => endpoint.url),
    })),
    isDockerHubDefault: config.defaultUpstream === dockerHub,
    mirrorUrl,
    isLocalOnly: mirrorUrl !== url && config.server.publicUrl === undefined,
  };
}

/** undefined: Docker would not get what it asks for. */
export function formatDaemonConfig(announcement: Announcement): string | undefined {
  const { mirrorUrl, isDockerHubDefault } = announcement;
  if (!isDockerHubDefault) return undefined;
  return `{ "registry-mirrors": [${JSON.stringify(mirrorUrl)}] }`;
}

export function formatBanner(announcement: Announcement): string {
  const { url, storage, upstreams, mirrorUrl } = announcement;
  const lines = [
    `entrepot listens on  ${url}`,
    `          stores in  ${storage}`,
    ...upstreams.map(
      ({ host, endpoints }) => `            mirrors  ${describeUpstream(host, endpoints)}`,
    ),
    "",
    ...formatDockerAdvice(announcement),
    `Settings of all clients: ${mirrorUrl}/, or entrepot setup --help`,
    "",
    "Stop with Ctrl-C: running transfers finish first; a second Ctrl-C ends them.",
  ];
  return lines.join("\n");
}

function formatDockerAdvice(announcement: Announcement): string[] {
  const daemonConfig = formatDaemonConfig(announcement);
  if (daemonConfig === undefined) return [];
  return [
    "For Docker, put this into /etc/docker/daemon.json and reload it (systemctl reload docker):",
    `  ${daemonConfig}`,
    ...(announcement.isLocalOnly
      ? ["  (on other hosts: this machine's name or address instead of localhost)"]
      : []),
    "",
  ];
}

/** Registries that a pattern lets in are asked at their own hosts. */
function describeUpstream(host: string, endpoints: string[]): string {
  return endpoints.length === 0 ? host : `${host} (${endpoints.join(", ")})`;
}

function toClientUrl(url: string): string {
  return url.replace(/\/\/(?:0\.0\.0\.0|\[::\])(?=:\d+$)/, "//localhost");
}

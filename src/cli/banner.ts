import type { Config } from "../config/config.ts";

/** What somebody who just started the server wants to know. */
export interface Announcement {
  /** Where it listens, as bound. */
  url: string;
  /** Absolute. */
  storage: string;
  upstreams: { host: string; endpoints: string[] }[];
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
    upstreams: [...config.upstreams].map(([host, { endpoints }]) => ({ host, endpoints })),
    mirrorUrl,
    isLocalOnly: mirrorUrl !== url && config.server.publicUrl === undefined,
  };
}

export function formatDaemonConfig({ mirrorUrl }: Announcement): string {
  return `{ "registry-mirrors": [${JSON.stringify(mirrorUrl)}] }`;
}

export function formatBanner(announcement: Announcement): string {
  const { url, storage, upstreams, isLocalOnly } = announcement;
  const lines = [
    `entrepot listens on  ${url}`,
    `          stores in  ${storage}`,
    ...upstreams.map(
      ({ host, endpoints }) => `            mirrors  ${host} (${endpoints.join(", ")})`,
    ),
    "",
    "For Docker, put this into /etc/docker/daemon.json and reload it (systemctl reload docker):",
    `  ${formatDaemonConfig(announcement)}`,
    ...(isLocalOnly
      ? ["  (on other hosts: this machine's name or address instead of localhost)"]
      : []),
    "",
    "Stop with Ctrl-C: running transfers finish first; a second Ctrl-C ends them.",
  ];
  return lines.join("\n");
}

function toClientUrl(url: string): string {
  return url.replace(/\/\/(?:0\.0\.0\.0|\[::\])(?=:\d+$)/, "//localhost");
}

import type { TomlTable } from "smol-toml";
import { dockerHub } from "../oci/docker-hub.ts";
import type { ClientFile } from "./client-setup.ts";
import { isSameUrl, type Mirror } from "./mirror.ts";
import { listAt, mergeToml, parseToml, quote, tableAt } from "./toml.ts";

const capabilities = ["pull", "resolve"];

/**
 * One file for each upstream, as containerd and dockerd's containerd store read them; for `*` the
 * one for all registries that have none.
 * https://github.com/containerd/containerd/blob/main/docs/hosts.md
 */
export function hostsFiles(
  mirror: Mirror,
  directory: string,
  upstreams: readonly string[],
): ClientFile[] {
  return upstreams.map((upstream) => {
    const text = freshText(mirror, upstream);
    return {
      path: `${directory}/${upstream === "*" ? "_default" : upstream}/hosts.toml`,
      upstreams: [upstream],
      text,
      merge: (existing) => mergeToml(existing, text, (table) => addMirror(table, mirror)),
      findUpstreams: (existing) => (namesMirror(parseToml(existing), mirror) ? [upstream] : []),
    };
  });
}

function freshText({ url }: Mirror, upstream: string): string {
  const whose = upstream === "*" ? "registries that have no directory of their own here" : upstream;
  const server = serverOf(upstream);
  return [
    `# What is pulled from ${whose} is asked of the mirror first.`,
    ...(server === undefined ? [] : [`server = ${quote(server)}`, ""]),
    `[host.${quote(url)}]`,
    `  capabilities = [${capabilities.map(quote).join(", ")}]`,
    "",
  ].join("\n");
}

/** Where to go after the mirror; undefined: left to the client, as nobody else knows. */
function serverOf(upstream: string): string | undefined {
  if (upstream === dockerHub) return "https://registry-1.docker.io";
  return /[*:]/.test(upstream) ? undefined : `https://${upstream}`;
}

/** In front, as hosts are asked in the order of the file. */
function addMirror(table: TomlTable, { url }: Mirror): TomlTable {
  if (isSameUrl(table["server"], url)) return table;
  const hosts = tableAt(table, "host");
  const key = Object.keys(hosts).find((host) => isSameUrl(host, url));
  if (key === undefined) return { ...table, host: { [url]: { capabilities }, ...hosts } };
  const host = tableAt(hosts, key);
  const present = listAt(host, "capabilities");
  const missing = capabilities.filter((capability) => !present.includes(capability));
  // A host without any of them has them all.
  if (!("capabilities" in host) || missing.length === 0) return table;
  const complete = { ...host, capabilities: [...present, ...missing] };
  return { ...table, host: { ...hosts, [key]: complete } };
}

function namesMirror(table: TomlTable, { url }: Mirror): boolean {
  const named = [table["server"], ...Object.keys(tableAt(table, "host"))];
  return named.some((host) => isSameUrl(host, url));
}

import { dockerHub, dockerHubAliases } from "./docker-hub.ts";

const label = "[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?";
const hostGrammar = new RegExp(
  `^(?:${label}(?:\\.${label})*|\\[[0-9a-f:.]+\\])(?::\\d{1,5})?$`,
  "i",
);

/** Of a domain name, a colon and a port. */
const maxLength = 259;

/** A name, an IPv4 address, or an IPv6 address in brackets; with or without a port, in any case. */
export function isRegistryHost(text: string): boolean {
  return text.length <= maxLength && hostGrammar.test(text);
}

/**
 * Whether the first of several components of a name is a registry's host rather than a namespace,
 * as docker tells them apart: https://github.com/distribution/reference/blob/main/normalize.go
 */
export function looksLikeHost(component: string): boolean {
  return (/[.:]/.test(component) || component === "localhost") && isRegistryHost(component);
}

/** In lower case, and Docker Hub by the one name that we keep its repositories under. */
export function canonicalHost(host: string): string {
  const lower = host.toLowerCase();
  return dockerHubAliases.includes(lower) ? dockerHub : lower;
}

/** What HTTPS takes for the same place: `ghcr.io` for `ghcr.io:443`, `a.example:8443` for `a.example:08443`. */
export function withoutDefaultPort(host: string): string {
  return host.replace(/:0*(\d+)$/, (_, port: string) => (port === "443" ? "" : `:${port}`));
}

/** The host alone: `localhost` of `localhost:5000`. */
export function withoutPort(host: string): string {
  return host.replace(/:\d+$/, "");
}

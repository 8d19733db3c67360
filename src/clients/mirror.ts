import { dockerHub } from "../oci/docker-hub.ts";

/** What clients are told of this mirror. */
export interface Mirror {
  /** Origin without a slash at the end: `http://mirror.lan:5000`. */
  url: string;
  /** Canonical hosts and patterns (`*.pkg.dev`, `*`); that of bare names comes first. */
  upstreams: readonly string[];
}

/** The order in which `Mirror` wants them. */
export function defaultFirst(upstreams: Iterable<string>, defaultUpstream: string): string[] {
  const others = [...upstreams].filter((upstream) => upstream !== defaultUpstream);
  return [defaultUpstream, ...others];
}

/** As `Mirror` wants it; undefined: not http or https, or more than host and port. */
export function parseMirrorUrl(text: string): string | undefined {
  const isOrigin = /^https?:\/\/[^/?#@\s]+\/?$/i.test(text);
  return isOrigin ? URL.parse(text)?.origin : undefined;
}

/**
 * Host and port as they stand in front of an image's name. Where there is neither a dot nor a colon
 * clients would take it for a part of the name.
 */
export function locationOf({ url }: Mirror): string {
  const { host, protocol } = new URL(url);
  if (/[.:]/.test(host)) return host;
  return `${host}:${protocol === "http:" ? 80 : 443}`;
}

/** Whether clients have to be told that it has no TLS. */
export function isPlain({ url }: Mirror): boolean {
  return url.startsWith("http:");
}

export function isLoopback({ url }: Mirror): boolean {
  return /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(new URL(url).hostname);
}

/** Whether a bare name means one of Docker Hub's here, as clients of it alone assume. */
export function isDockerHubDefault({ upstreams }: Mirror): boolean {
  return upstreams[0] === dockerHub;
}

/** Those that are one registry each. */
export function namedUpstreams({ upstreams }: Mirror): string[] {
  return upstreams.filter((upstream) => !upstream.startsWith("*"));
}

/** Those that stand for every registry below a domain. */
export function suffixPatterns({ upstreams }: Mirror): string[] {
  return upstreams.filter((upstream) => upstream.startsWith("*."));
}

export function mirrorsAll({ upstreams }: Mirror): boolean {
  return upstreams.includes("*");
}

/** Whether two URLs name the same mirror, however they are written. */
export function isSameUrl(one: unknown, other: string): boolean {
  if (typeof one !== "string") return false;
  const url = URL.parse(one);
  return url !== null && url.search === "" && url.href === URL.parse(other)?.href;
}

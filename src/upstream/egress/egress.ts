/**
 * What a connection is for: the registry's own API · its token server, and the cloud service that
 * gives out credentials · where the registry redirects to for content.
 */
export type EgressPurpose = "registry" | "token" | "content";

/**
 * By the scheme of what is asked for. URLs as `http://`, `https://` or `socks5://`, with
 * `user:password@` where the proxy wants it, percent-encoded; undefined: without a proxy.
 */
export interface ProxyChoice {
  http: string | undefined;
  https: string | undefined;
}

/** How one endpoint, and what it leads to, is reached. */
export interface Egress {
  proxies: Readonly<Record<EgressPurpose, ProxyChoice>>;
  /** Reached without a proxy: hosts, suffixes (`.corp.example`), addresses and CIDR blocks; `*`: all. */
  noProxy: readonly string[];
  tls: {
    /** PEM, trusted besides the system's own. */
    ca: string | undefined;
    /** PEM, both or none: shown to whoever asks for a certificate at the endpoint's own host. */
    certificate: string | undefined;
    key: string | undefined;
  };
  /** Host → IP address, in the place of DNS; sent to a proxy, too. */
  resolve: ReadonlyMap<string, string>;
  /** undefined: whichever answers first. */
  family: 4 | 6 | undefined;
}

const withoutProxy: ProxyChoice = { http: undefined, https: undefined };

/** Straight to whatever address the system's resolver tells. */
export const directEgress: Egress = {
  proxies: { registry: withoutProxy, token: withoutProxy, content: withoutProxy },
  noProxy: [],
  tls: { ca: undefined, certificate: undefined, key: undefined },
  resolve: new Map(),
  family: undefined,
};

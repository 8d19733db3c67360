const domainLabel = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const topLabel = "[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?";
/** The last label begins with a letter, so that nothing passes which could be read as an address. */
const domainGrammar = new RegExp(`^(?:${domainLabel}\\.)+${topLabel}(?::(\\d{1,5}))?$`);
const maxDomainLength = 253;
const maxPort = 65_535;

/** `*.pkg.dev` for every host below pkg.dev, `*` for every host. */
export function isHostPattern(text: string): boolean {
  return text === "*" || text.startsWith("*.");
}

/**
 * Patterns that let hosts in which are not configured by name. As it is a client that names these
 * hosts, they can only be domain names of two labels or more, never addresses or `localhost`.
 */
export class HostPatterns {
  /** `.pkg.dev`, the longest first. */
  readonly #suffixes: readonly string[];
  readonly #letsAllIn: boolean;

  /** `hosts` that are no patterns are overlooked. */
  constructor(hosts: Iterable<string>) {
    const patterns = [...hosts].filter((host) => isHostPattern(host));
    this.#letsAllIn = patterns.includes("*");
    this.#suffixes = patterns
      .filter((pattern) => pattern !== "*")
      .map((pattern) => pattern.slice(1))
      .toSorted((one, other) => other.length - one.length);
  }

  /**
   * The pattern that lets in a host in lower case: of suffixes the longest, else `*`. Below a suffix
   * a host is let in only with the suffix's own port, or with none like it.
   */
  find(host: string): string | undefined {
    if (!isDomainName(host)) return undefined;
    const suffix = this.#suffixes.find((each) => host.endsWith(each));
    if (suffix !== undefined) return `*${suffix}`;
    return this.#letsAllIn ? "*" : undefined;
  }
}

function isDomainName(host: string): boolean {
  if (host.length > maxDomainLength + ":65535".length) return false;
  const match = domainGrammar.exec(host);
  if (!match) return false;
  const [, port] = match;
  if (port === undefined) return host.length <= maxDomainLength;
  return Number(port) >= 1 && Number(port) <= maxPort;
}

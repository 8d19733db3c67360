import type { Logger } from "pino";
import { getDomain } from "tldts";
import type { Credentials } from "./credentials.ts";

/**
 * Whether the credentials for the registry at `registry` may go to the token server at `realm`:
 * on the same hostname or registrable domain, or listed by the operator, and never from https to
 * http. Suffixes that tenants share, like github.io, do not make neighbours one domain.
 */
export function isTrustedRealm(realm: URL, registry: URL, listed: readonly string[]): boolean {
  if (registry.protocol === "https:" && realm.protocol !== "https:") return false;
  if (listed.includes(realm.hostname) || listed.includes(realm.host)) return true;
  if (realm.hostname === registry.hostname) return true;
  const domain = registrableDomain(realm);
  return domain !== null && domain === registrableDomain(registry);
}

function registrableDomain(url: URL): string | null {
  return getDomain(url.hostname, { allowPrivateDomains: true });
}

/** It is the registry that names realms, and it may name ever new ones. */
const maxWarned = 20;

export interface RealmTrustOptions {
  /** Hosts, with or without port, that the operator trusts besides. */
  tokenRealms: readonly string[];
  log: Logger;
}

/** Lets credentials go to trusted realms only, and says once of each other one that it does not. */
export class RealmTrust {
  readonly #tokenRealms: readonly string[];
  readonly #log: Logger;
  readonly #warned = new Set<string>();

  constructor({ tokenRealms, log }: RealmTrustOptions) {
    this.#tokenRealms = tokenRealms;
    this.#log = log;
  }

  /** Those of `credentials` that may be shown at `realm`: all or none. */
  admit(credentials: Credentials | undefined, realm: URL, registry: URL): Credentials | undefined {
    if (!credentials || isTrustedRealm(realm, registry, this.#tokenRealms)) return credentials;
    this.#warn(realm, registry);
    return undefined;
  }

  #warn(realm: URL, registry: URL): void {
    if (this.#warned.has(realm.origin) || this.#warned.size === maxWarned) return;
    this.#warned.add(realm.origin);
    this.#log.warn(
      { endpoint: registry.origin, realm: realm.origin },
      "credentials are kept from a token realm outside of the registry's domain; " +
        "list its host in tokenRealms if it may have them",
    );
  }
}

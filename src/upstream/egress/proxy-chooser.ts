import { isIP } from "node:net";
import type { Egress, EgressPurpose, ProxyChoice } from "./egress.ts";
import { parseNetworkProxy, type NetworkProxy } from "./network-proxy.ts";
import { parseDirectRule, type DirectRule } from "./no-proxy.ts";

interface ProxyTarget {
  protocol: "http:" | "https:";
  /** In lower case, without brackets. */
  hostname: string;
  port: number;
}

type ParsedChoice = Record<ProxyTarget["protocol"], NetworkProxy | undefined>;

/** Tells whether, and through which proxy, a host is reached. */
export class ProxyChooser {
  readonly #proxies: Record<EgressPurpose, ParsedChoice>;
  readonly #direct: readonly DirectRule[];
  readonly #resolve: Egress["resolve"];

  /** Throws Error where a proxy's URL, or an entry of `noProxy`, is none. */
  constructor({ proxies, noProxy, resolve }: Pick<Egress, "proxies" | "noProxy" | "resolve">) {
    this.#proxies = {
      registry: parseChoice(proxies.registry),
      token: parseChoice(proxies.token),
      content: parseChoice(proxies.content),
    };
    this.#direct = noProxy.map(parseDirectRule);
    this.#resolve = resolve;
  }

  /** undefined: without one. */
  find(
    purpose: EgressPurpose,
    { protocol, hostname, port }: ProxyTarget,
  ): NetworkProxy | undefined {
    const addresses = [hostname, this.#resolve.get(hostname) ?? ""].filter(
      (address) => isIP(address) !== 0,
    );
    const isDirect = this.#direct.some((rule) => rule({ hostname, addresses, port }));
    return isDirect ? undefined : this.#proxies[purpose][protocol];
  }
}

function parseChoice({ http, https }: ProxyChoice): ParsedChoice {
  return {
    "http:": http === undefined ? undefined : parseNetworkProxy(http),
    "https:": https === undefined ? undefined : parseNetworkProxy(https),
  };
}

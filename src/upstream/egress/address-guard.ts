import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Block = [Address, number];

/** https://www.iana.org/assignments/ipv6-unicast-address-assignments: nothing else is given out. */
const globalUnicast: Block = ipaddr.parseCIDR("2000::/3");

/** https://www.rfc-editor.org/rfc/rfc6052#section-2.1; on networks without IPv4 every answer of DNS is in it. */
const translated: Block = ipaddr.parseCIDR("64:ff9b::/96");

/** https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16: the machine's own host. */
const azureHost: Block = ipaddr.parseCIDR("168.63.129.16/32");

/** What is known to lead, or may lead, back into the network of whoever resolves it. */
const localDomains = ["localhost", "local", "internal", "localdomain", "home.arpa", "lan"];

/**
 * Keeps what clients name, and what registries that nobody configured redirect to, away from
 * addresses that are not public.
 */
export class AddressGuard {
  readonly #allowed: readonly Block[];

  /** `allow`: CIDR blocks that may be reached although they are not public. Throws where one is none. */
  constructor({ allow }: { allow: readonly string[] }) {
    this.#allowed = allow.map((block) => ipaddr.parseCIDR(block));
  }

  /** In words why an IP address must not be connected to; undefined: it may be. */
  findProblem(address: string): string | undefined {
    if (isIP(address) === 0) return `${address} is no IP address`;
    const parsed = withinTranslation(ipaddr.process(withoutDots(address)));
    if (this.#isAllowed(parsed)) return undefined;
    const range = rangeOf(parsed);
    return range === "unicast" ? undefined : `${address} is not a public address (${range})`;
  }

  /**
   * The same of a name that a proxy resolves. What such a name leads to is the proxy's to know and
   * to limit: only those are refused that cannot mean a public host.
   */
  findNameProblem(name: string): string | undefined {
    const labels = name.toLowerCase().replace(/\.$/, "").split(".");
    const last = labels.at(-1) ?? "";
    const isLocal = localDomains.some((domain) => `.${labels.join(".")}`.endsWith(`.${domain}`));
    // That ends in a number is an address in an unusual notation, or nothing.
    if (labels.length > 1 && !isLocal && !/^(\d+|0x[\da-f]*)$/.test(last)) return undefined;
    return `${name} is not the name of a public host`;
  }

  #isAllowed(address: Address): boolean {
    return this.#allowed.some((block) => holds(block, address));
  }
}

function rangeOf(address: Address): string {
  if (holds(azureHost, address)) return "reserved";
  const range = address.range();
  if (range !== "unicast" || address.kind() === "ipv4") return range;
  return holds(globalUnicast, address) ? range : "reserved";
}

/** ipaddr.js takes `::1.2.3.4` for `::ffff:1.2.3.4`, which the system does not. */
function withoutDots(address: string): string {
  if (!address.includes(":")) return address;
  const [bare = address, ...zone] = address.split("%");
  const groups = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  return [groups, ...zone].join("%");
}

function withinTranslation(address: Address): Address {
  if (!holds(translated, address)) return address;
  return ipaddr.fromByteArray(address.toByteArray().slice(-4));
}

function holds(block: Block, address: Address): boolean {
  return block[0].kind() === address.kind() && address.match(block);
}

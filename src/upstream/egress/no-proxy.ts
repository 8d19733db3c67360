import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** One entry of `noProxy`, ready to be asked. */
export type DirectRule = (target: DirectTarget) => boolean;

interface DirectTarget {
  /** In lower case, without brackets and without a dot at the end. */
  hostname: string;
  /** The hostname where it is one, and what is configured in its place. */
  addresses: readonly string[];
  port: number;
}

/**
 * `*`, `host`, `.suffix`, `*.suffix`, an address or a CIDR block, but the first with `:port` where
 * only that one is meant. A name holds for itself and all names below it. Throws Error for a CIDR
 * block that is none.
 */
export function parseDirectRule(entry: string): DirectRule {
  const { host, port } = splitPort(entry.trim().toLowerCase());
  const isHost = hostRule(host);
  return (target) => (port === undefined || port === target.port) && isHost(target);
}

function hostRule(host: string): DirectRule {
  if (host === "*") return () => true;
  if (isIP(host) !== 0) return blockRule(`${host}/${isIP(host) === 4 ? 32 : 128}`);
  if (host.includes("/")) return blockRule(host);
  const name = host.replace(/^\*?\./, "").replace(/\.$/, "");
  return ({ hostname }) => name !== "" && `.${hostname}`.endsWith(`.${name}`);
}

function blockRule(text: string): DirectRule {
  if (!ipaddr.isValidCIDR(text)) throw new Error(`${text} is no CIDR block (10.0.0.0/8, fd00::/8)`);
  const block = ipaddr.parseCIDR(text);
  return ({ addresses }) =>
    addresses.some((address) => {
      const parsed = ipaddr.process(address);
      return parsed.kind() === block[0].kind() && parsed.match(block);
    });
}

function splitPort(entry: string): { host: string; port: number | undefined } {
  // Not of an IPv6 address that stands alone, whose last colon means something else.
  const isBare = entry.split(":").length > 2 && !entry.startsWith("[");
  const [, host = entry, port] = isBare ? [] : (/^(.*?)(?::(\d+))?$/.exec(entry) ?? []);
  return {
    host: host.replace(/^\[(.*)\]/, "$1"),
    port: port === undefined ? undefined : Number(port),
  };
}

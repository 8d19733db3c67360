import { parseAddress, parseAddressBlock } from "./address-block.ts";
import { parseHost } from "./host.ts";

/**
 * `registry.corp`, `.corp.example`, either with a port; `10.1.2.3`, `10.0.0.0/8`, `*`. In lower
 * case; `*.corp.example`, as some programs want it, becomes `.corp.example`. undefined: it is none
 * of these.
 */
export function parseNoProxyEntry(written: string): string | undefined {
  const entry = written.toLowerCase().replace(/^\*\./, ".");
  if (entry === "*" || parseAddress(entry) !== undefined) return entry;
  if (parseAddressBlock(entry) !== undefined) return entry;
  return parseHost(entry.replace(/^\./, "")) === undefined ? undefined : entry;
}

import { isIP } from "node:net";

/** `203.0.113.7`, `2001:db8::1`, as it is. undefined: it is no IP address, or has a zone. */
export function parseAddress(written: string): string | undefined {
  return isIP(written) !== 0 && !written.includes("%") ? written : undefined;
}

/** `10.0.0.0/8`; a single address becomes a block of its own: `10.1.2.3/32`. */
export function parseAddressBlock(written: string): string | undefined {
  const [address = "", bits, ...more] = written.split("/");
  if (parseAddress(address) === undefined || more.length > 0) return undefined;
  const longest = isIP(address) === 4 ? 32 : 128;
  const isLength = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= longest);
  return isLength ? `${address}/${bits ?? longest}` : undefined;
}

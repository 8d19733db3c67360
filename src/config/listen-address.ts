import { isIP, isIPv6 } from "node:net";

export interface ListenAddress {
  host: string;
  port: number;
}

const hostName = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/i;

/** `127.0.0.1:5000`, `localhost:5000`, `[::]:5000`; `:5000` is every IPv4 address. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) return undefined;
  const [, bracketed, plain] = match;
  if (bracketed !== undefined) return isIPv6(bracketed) ? { host: bracketed, port } : undefined;
  if (!plain) return { host: "0.0.0.0", port };
  return isHost(plain) ? { host: plain, port } : undefined;
}

/** As `parseListenAddress` takes it. */
export function formatListenAddress({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function isHost(text: string): boolean {
  const looksNumeric = /^[\d.]+$/.test(text);
  return looksNumeric ? isIP(text) === 4 : hostName.test(text);
}

export interface NetworkProxy {
  protocol: "http:" | "https:" | "socks5:";
  /** Without brackets. */
  hostname: string;
  port: number;
  credentials: { username: string; password: string } | undefined;
  /** For people: its URL without the credentials. */
  name: string;
}

const allowedForms = "http://host:port, https://host:port or socks5://host:port";

const kinds = new Map([
  ["http:", { protocol: "http:", port: 80 }],
  ["https:", { protocol: "https:", port: 443 }],
  ["socks5:", { protocol: "socks5:", port: 1080 }],
  // curl's word for a proxy that resolves names, which ours always do.
  ["socks5h:", { protocol: "socks5:", port: 1080 }],
] as const);

const maxSocksTextBytes = 255;

/** Throws Error in words that hold no part of the credentials. */
export function parseNetworkProxy(text: string): NetworkProxy {
  const url = URL.parse(text);
  const kind = [...kinds].find(([protocol]) => protocol === url?.protocol)?.[1];
  if (!url || !kind || url.hostname === "") {
    throw new Error(`a proxy is written ${allowedForms}, with user:password@ where it wants them`);
  }
  const name = `${kind.protocol}//${url.host}`;
  return {
    protocol: kind.protocol,
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? kind.port : Number(url.port),
    credentials: readCredentials(url, name),
    name,
  };
}

function readCredentials(url: URL, name: string): NetworkProxy["credentials"] {
  if (url.username === "" && url.password === "") return undefined;
  const username = decodePart(url.username, name);
  const password = decodePart(url.password, name);
  // https://www.rfc-editor.org/rfc/rfc1929#section-2: one byte of length each.
  const isTooLong = [username, password].some(
    (part) => Buffer.byteLength(part) > maxSocksTextBytes,
  );
  if (isTooLong && !/^https?:$/.test(url.protocol)) {
    throw new Error(`user and password of ${name} may have up to ${maxSocksTextBytes} bytes each`);
  }
  return { username, password };
}

function decodePart(part: string, name: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Error(`user and password of ${name} must be percent-encoded`);
  }
}

const protocols = ["http:", "https:", "socks5:"];

/** One byte tells the length: https://www.rfc-editor.org/rfc/rfc1929#section-2 */
const maxSocksTextBytes = 255;

/**
 * Scheme, user and password if there are any, host and port: `socks5://me:secret@127.0.0.1:1080`.
 * `socks5h` is as good as `socks5`, which always leaves names to the proxy. undefined: it is no
 * such URL.
 */
export function parseProxyUrl(written: string): string | undefined {
  const url = URL.parse(written.replace(/^socks5h:/i, "socks5:"));
  if (!url || !protocols.includes(url.protocol) || !/^\w+:\/\/[^/?#]+\/?$/.test(written)) {
    return undefined;
  }
  const isGood =
    url.hostname !== "" && isSayable(url.username, url) && isSayable(url.password, url);
  if (!isGood) return undefined;
  const host = url.protocol === "socks5:" && url.port === "" ? `${url.host}:1080` : url.host;
  return `${url.protocol}//${formatUser(url)}${host}`;
}

/** Of what `parseProxyUrl` makes: without the password. A user alone may be a token. */
export function maskProxyUrl(url: string, mask: string): string {
  return url.replace(/\/\/(?:([^:@]*):)?[^@]*@/, (_, user: string | undefined) =>
    user === undefined ? `//${mask}@` : `//${user}:${mask}@`,
  );
}

function formatUser({ username, password }: URL): string {
  if (username === "" && password === "") return "";
  return password === "" ? `${username}@` : `${username}:${password}@`;
}

/** Whoever shows it to a proxy decodes it first. */
function isSayable(text: string, { protocol }: URL): boolean {
  try {
    const bytes = Buffer.byteLength(decodeURIComponent(text));
    return protocol !== "socks5:" || bytes <= maxSocksTextBytes;
  } catch {
    return false;
  }
}

import type { UpstreamError } from "../upstream.ts";

/** By what the message says; the first that fits. */
const advice: readonly [pattern: RegExp, words: string][] = [
  [/^address guard:/, "may it be reached? list it in allowAddresses"],
  [
    /DNS: no such host/,
    "is the name right, and does this machine's resolver answer? with a proxy, or resolve, it is not asked",
  ],
  [/DNS: /, "is this machine's resolver right? with a proxy, or resolve, it is not asked"],
  [/status 407/, "give the proxy's URL user:password@"],
  [/SOCKS.*credentials|SOCKS.*it wants others/, "give the proxy's URL user:password@"],
  [/proxy \S+: TCP: connection refused/, "is the proxy's port right, and does it run?"],
  [/proxy \S+: .*\bno answer\b/, "is the proxy's address right, and does a firewall let through?"],
  [/proxy \S+: TLS: it does not speak TLS/, "is the proxy's URL one with http:// instead?"],
  [/not HTTP|not SOCKS5/, "is the proxy of another kind: http, https, socks5?"],
  [
    /does not let through|does not get through|does not find the host/,
    "does the proxy allow this host and port? if it need not go through it, set noProxy",
  ],
  [/TCP: connection refused/, "is the port right? a firewall refuses so, too; try a proxy"],
  [/TCP: .*no way to/, "is the network up? another addressFamily, or a proxy, may help"],
  [/TLS: .*no trusted authority/, "a company's proxy that reads along? set tls.caFile"],
  [/TLS: .*altname/i, "somebody else answers in its place: are DNS and resolve right? try a proxy"],
  [/TLS: .*(expired|not yet valid)/i, "is this machine's clock right?"],
  [/TLS: it does not speak TLS/, "is the port right, or is it one for http://?"],
  [/TLS: the connection was cut/, "filtered by name? try a proxy"],
  [/TLS: .*(certificate required|handshake failure)/i, "does it want tls.certFile and keyFile?"],
  // With TLS 1.3 a server refuses whoever shows no certificate only after the handshake.
  [
    /^https:.*other side closed/,
    "does it want tls.certFile and keyFile? if not: filtered? try a proxy",
  ],
  [/tokenRealms/, "may it have them?"],
  [/none are configured/, "set credentials"],
  [/captive portal/, "is the URL right? try a proxy"],
  [/no registry/, "is the URL right?"],
];

const adviceByFailure: Partial<Record<UpstreamError["failure"], string>> = {
  timeout: "filtered? try a proxy",
  credentials: "look at the credentials of this upstream",
  "rate-limited": "wait, or set credentials of an account with a higher limit",
  "server-error": "it has trouble of its own: try again later",
  unreachable: "filtered? try a proxy",
};

/** What may help; undefined: nothing that is known. */
export function adviceFor({ message, failure }: UpstreamError): string | undefined {
  return advice.find(([pattern]) => pattern.test(message))?.[1] ?? adviceByFailure[failure];
}

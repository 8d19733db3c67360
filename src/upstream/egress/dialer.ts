import { isIP, type Socket } from "node:net";
import { UpstreamError } from "../upstream.ts";
import type { AddressGuard } from "./address-guard.ts";
import { openConnectTunnel } from "./connect-tunnel.ts";
import { Deadline } from "./deadline.ts";
import type { Egress, EgressPurpose } from "./egress.ts";
import { findKnownAddresses, resolveHost } from "./host-addresses.ts";
import type { NetworkProxy } from "./network-proxy.ts";
import { ProxyChooser } from "./proxy-chooser.ts";
import { connectToProxy } from "./proxy-connection.ts";
import { openSocksTunnel } from "./socks-tunnel.ts";
import { connectTcp } from "./tcp-connection.ts";
import { describeTls, type TlsDescription } from "./tls-description.ts";
import { TlsLayer } from "./tls-layer.ts";

export interface DialTarget {
  protocol: "http:" | "https:";
  /** With or without brackets where it is an IPv6 address. */
  hostname: string;
  port: number;
}

/** A step on the way that was taken; `proxy`: its URL without credentials. */
export type DialEvent =
  | {
      kind: "resolved";
      host: string;
      addresses: string[];
      source: "dns" | "configured" | "literal";
    }
  | { kind: "left-to-proxy"; host: string }
  | { kind: "connected"; address: string; port: number; proxy: string | undefined }
  | { kind: "tunnelled"; proxy: string }
  | ({ kind: "secured" } & TlsDescription);

export interface DialerOptions {
  egress: Egress;
  /** The endpoint's hostname: the client certificate is shown there and nowhere else. */
  ownHost: string;
  /** undefined: every address may be reached. */
  guard: AddressGuard | undefined;
  /** For all of it: names, proxies and TLS too. */
  connectTimeoutMs: number;
}

export interface DialOptions {
  signal: AbortSignal;
  onEvent?: (event: DialEvent) => void;
}

/** One dial under way. */
interface Dial {
  /** Lower-case, without brackets. */
  hostname: string;
  port: number;
  deadline: Deadline;
  onEvent: (event: DialEvent) => void;
}

/** Makes connections: through which proxy, to which address, with which trust. */
export class Dialer {
  readonly #options: DialerOptions;
  readonly #proxies: ProxyChooser;
  readonly #ownTls: TlsLayer;
  readonly #tls: TlsLayer;

  /** Throws Error where a proxy's URL, or an entry of `noProxy`, is none. */
  constructor(options: DialerOptions) {
    const { ca } = options.egress.tls;
    this.#options = { ...options, ownHost: plainHost(options.ownHost) };
    this.#proxies = new ProxyChooser(options.egress);
    this.#ownTls = new TlsLayer(options.egress.tls);
    this.#tls = new TlsLayer({ ca });
  }

  /**
   * Without a proxy, all addresses that the name has are looked up once, checked, and only those
   * that passed are connected to. With one, the proxy is told the name (or the address that is
   * configured for it): the guard then sees these, not what the proxy resolves the name to, nor
   * the proxy itself. Throws UpstreamError, whose message begins with the stage that failed
   * ("DNS: …", "TCP: …", "proxy http://host:port: …", "TLS: …", "address guard: …"): "timeout",
   * "unreachable", or "forbidden" by the guard; or the signal's reason.
   */
  async dial(
    target: DialTarget,
    purpose: EgressPurpose,
    { signal, onEvent = () => {} }: DialOptions,
  ): Promise<Socket> {
    signal.throwIfAborted();
    using deadline = new Deadline(this.#options.connectTimeoutMs, signal);
    const dial = { hostname: plainHost(target.hostname), port: target.port, deadline, onEvent };
    const proxy = this.#proxies.find(purpose, { ...dial, protocol: target.protocol });
    const socket = proxy ? await this.#tunnel(dial, proxy) : await this.#connect(dial);
    return target.protocol === "http:" ? socket : await this.#secure(dial, socket);
  }

  async #connect({ hostname, port, deadline, onEvent }: Dial): Promise<Socket> {
    const { egress } = this.#options;
    const { addresses, source } = await deadline.run({
      stage: "DNS",
      action: () => resolveHost(hostname, egress),
    });
    onEvent({ kind: "resolved", host: hostname, addresses, source });
    const allowed = this.#allowedOf(addresses);
    const socket = await deadline.run({
      stage: "TCP",
      action: (signal) => connectTcp(allowed, port, signal),
    });
    onEvent(connectedEvent(socket, undefined));
    return socket;
  }

  async #tunnel(dial: Dial, proxy: NetworkProxy): Promise<Socket> {
    const { deadline, onEvent, port } = dial;
    const host = this.#hostForProxy(dial);
    const { egress, connectTimeoutMs: timeoutMs } = this.#options;
    const toProxy = await connectToProxy(proxy, { egress, tls: this.#tls, deadline });
    onEvent(connectedEvent(toProxy, proxy.name));
    await deadline.run({
      stage: `proxy ${proxy.name}`,
      socket: toProxy,
      action: () =>
        proxy.protocol === "socks5:"
          ? openSocksTunnel({ socket: toProxy, proxy, host, port, timeoutMs })
          : openConnectTunnel({ socket: toProxy, proxy, host, port }),
    });
    onEvent({ kind: "tunnelled", proxy: proxy.name });
    return toProxy;
  }

  async #secure({ hostname, port, deadline, onEvent }: Dial, socket: Socket): Promise<Socket> {
    const tls = hostname === this.#options.ownHost ? this.#ownTls : this.#tls;
    const secured = await deadline.run({
      stage: "TLS",
      socket,
      action: () => tls.secure(socket, { hostname, port }),
    });
    onEvent({ kind: "secured", ...describeTls(secured) });
    return secured;
  }

  #hostForProxy({ hostname, onEvent }: Dial): string {
    const known = findKnownAddresses(hostname, this.#options.egress);
    const [host = hostname] = known?.addresses ?? [];
    if (known) onEvent({ kind: "resolved", host: hostname, ...known });
    else onEvent({ kind: "left-to-proxy", host: hostname });
    const { guard } = this.#options;
    const problem = isIP(host) === 0 ? guard?.findNameProblem(host) : guard?.findProblem(host);
    if (problem !== undefined) throw refusal([problem]);
    return host;
  }

  #allowedOf(addresses: readonly string[]): string[] {
    const { guard } = this.#options;
    const problems: string[] = [];
    const allowed = addresses.filter((address) => {
      const problem = guard?.findProblem(address);
      if (problem !== undefined) problems.push(problem);
      return problem === undefined;
    });
    if (allowed.length === 0) throw refusal(problems);
    return allowed;
  }
}

function refusal(problems: readonly string[]): UpstreamError {
  return new UpstreamError("forbidden", `address guard: ${problems.join(", ")}`);
}

function plainHost(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "");
}

function connectedEvent(socket: Socket, proxy: string | undefined): DialEvent {
  const { remoteAddress = "", remotePort = 0 } = socket;
  return { kind: "connected", address: remoteAddress, port: remotePort, proxy };
}

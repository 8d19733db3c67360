import { once } from "node:events";
import { connect, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";

export interface NetworkProxyOptions {
  /** Name, or name:port → URL of the server that is there: all that the proxy can resolve. */
  hosts: Readonly<Record<string, string>>;
  /** Wanted from everybody. */
  credentials?: { username: string; password: string };
  /** Names that it lets through to; all of `hosts` where it is not given. */
  allowed?: readonly string[];
  /** Of this machine, by which the hosts know it; any unless given. */
  localAddress?: string;
}

/** forbidden: it is not allowed · unknown: its name is not · refused: nobody listens there. */
export type ProxyOutcome = "connected" | "forbidden" | "unknown" | "refused";

export interface AskedHost {
  /** As it was asked for: a name where the proxy was to resolve it. */
  host: string;
  port: number;
  outcome: ProxyOutcome;
}

/** What proxies of all kinds have in common: whom they know, and a journal of who was asked for. */
export class ProxyTraffic {
  /** In the order of their answers. */
  readonly asked: AskedHost[] = [];
  /** Connections that were made to the proxy, whatever came of them. */
  connections = 0;
  /** How often credentials were missing or wrong. */
  refusedCredentials = 0;
  /** While true, whoever connects gets no answer. */
  stalls = false;
  readonly #options: NetworkProxyOptions;
  readonly #sockets = new Set<Duplex>();

  constructor(options: NetworkProxyOptions) {
    this.#options = options;
  }

  /** Of connections to the proxy and from it. */
  get openSockets(): number {
    return [...this.#sockets].filter((socket) => !socket.destroyed).length;
  }

  noteConnection(socket: Duplex): void {
    this.connections += 1;
    this.keep(socket);
  }

  /** Ended with the proxy at the latest. */
  keep(socket: Duplex): void {
    if (this.#sockets.has(socket)) return;
    this.#sockets.add(socket);
    // Those of TLS within TLS have many listeners, and rightly so.
    socket.setMaxListeners(0);
    socket.on("error", () => {});
    socket.once("close", () => this.#sockets.delete(socket));
  }

  get wantsCredentials(): boolean {
    return this.#options.credentials !== undefined;
  }

  accepts(username: string, password: string): boolean {
    const { credentials } = this.#options;
    const isRight = credentials?.username === username && credentials.password === password;
    if (!isRight) this.refusedCredentials += 1;
    return isRight;
  }

  /** Writes down what was asked for and what came of it. */
  async open(host: string, port: number): Promise<Socket | Exclude<ProxyOutcome, "connected">> {
    const result = await this.#connect(host, port);
    this.asked.push({ host, port, outcome: typeof result === "string" ? result : "connected" });
    return result;
  }

  async #connect(host: string, port: number): Promise<Socket | Exclude<ProxyOutcome, "connected">> {
    const { hosts, allowed = Object.keys(hosts), localAddress } = this.#options;
    const names = [`${host}:${port}`, host];
    const url = hosts[`${host}:${port}`] ?? hosts[host];
    if (!names.some((name) => allowed.includes(name))) return url ? "forbidden" : "unknown";
    if (url === undefined) return "unknown";
    const target = new URL(url);
    const socket = connect({
      port: Number(target.port),
      host: target.hostname,
      ...(localAddress !== undefined && { localAddress }),
    });
    this.keep(socket);
    return once(socket, "connect").then(
      () => socket,
      () => "refused" as const,
    );
  }

  /** Keeps a client waiting until it leaves. */
  stall(client: Duplex): void {
    client.once("end", () => client.destroy()).resume();
  }

  /** Until one of them ends. */
  join(client: Duplex, remote: Socket): void {
    pipeline(client, remote, client).catch(() => undefined);
  }

  /** Ends all connections at once and takes no more. */
  async close(server: Server): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, "close");
  }
}

export async function listenOnLoopback(server: Server, port = 0): Promise<number> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("proxy does not listen");
  return address.port;
}

/** `url` with credentials, percent-encoded. */
export function withCredentials(url: string, username: string, password: string): string {
  const [scheme, rest] = url.split("://");
  return `${scheme}://${encodeURIComponent(username)}:${encodeURIComponent(password)}@${rest}`;
}

import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import {
  listenOnLoopback,
  ProxyTraffic,
  withCredentials,
  type NetworkProxyOptions,
} from "./network-proxy.ts";

const noAuthentication = 0;
const userPassword = 2;
const noMethod = 0xff;

/** https://www.rfc-editor.org/rfc/rfc1928#section-6 */
const replies = { connected: 0, forbidden: 2, unknown: 4, refused: 5 };

/** A SOCKS5 proxy on 127.0.0.1 that resolves names by a table. */
export class SocksProxy implements AsyncDisposable {
  readonly traffic: ProxyTraffic;
  readonly #server = createServer((socket) => {
    this.traffic.noteConnection(socket);
    this.#serve(socket).catch(() => socket.destroy());
  });
  #port = 0;

  private constructor(options: NetworkProxyOptions) {
    this.traffic = new ProxyTraffic(options);
  }

  static async start(options: NetworkProxyOptions): Promise<SocksProxy> {
    const proxy = new SocksProxy(options);
    proxy.#port = await listenOnLoopback(proxy.#server);
    return proxy;
  }

  /** socks5://127.0.0.1:port */
  get url(): string {
    return `socks5://127.0.0.1:${this.#port}`;
  }

  urlAs(username: string, password: string): string {
    return withCredentials(this.url, username, password);
  }

  /** Ends all connections; from then on the port refuses them. */
  async stop(): Promise<void> {
    await this.traffic.close(this.#server);
  }

  /** On the same port. */
  async restart(): Promise<void> {
    await listenOnLoopback(this.#server, this.#port);
  }

  async #serve(socket: Socket): Promise<void> {
    if (this.traffic.stalls) {
      this.traffic.stall(socket);
      return;
    }
    if (!(await this.#letIn(socket))) return;
    const { host, port } = await readConnect(socket);
    const remote = await this.traffic.open(host, port);
    const reply = typeof remote === "string" ? replies[remote] : replies.connected;
    socket.write(Buffer.from([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]));
    if (typeof remote === "string") socket.end();
    else this.traffic.join(socket, remote);
  }

  /** https://www.rfc-editor.org/rfc/rfc1929 */
  async #letIn(socket: Socket): Promise<boolean> {
    const [, count = 0] = await readExactly(socket, 2);
    const methods = await readExactly(socket, count);
    const method = this.traffic.wantsCredentials ? userPassword : noAuthentication;
    if (!methods.includes(method)) {
      this.traffic.refusedCredentials += 1;
      socket.end(Buffer.from([5, noMethod]));
      return false;
    }
    socket.write(Buffer.from([5, method]));
    if (method === noAuthentication) return true;
    await readExactly(socket, 1);
    const username = await readText(socket);
    const isAccepted = this.traffic.accepts(username, await readText(socket));
    socket.write(Buffer.from([1, isAccepted ? 0 : 1]));
    if (!isAccepted) socket.end();
    return isAccepted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

async function readConnect(socket: Socket): Promise<{ host: string; port: number }> {
  const [, , , type] = await readExactly(socket, 4);
  const host = await readHost(socket, type);
  return { host, port: (await readExactly(socket, 2)).readUInt16BE() };
}

async function readHost(socket: Socket, type: number | undefined): Promise<string> {
  if (type === 3) return readText(socket);
  if (type === 1) return (await readExactly(socket, 4)).join(".");
  const groups = (await readExactly(socket, 16)).toString("hex").match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(":")}]`).hostname;
}

async function readText(socket: Socket): Promise<string> {
  const [length = 0] = await readExactly(socket, 1);
  return (await readExactly(socket, length)).toString();
}

async function readExactly(socket: Socket, length: number): Promise<Buffer> {
  if (length === 0) return Buffer.alloc(0);
  for (;;) {
    const chunk: Buffer | null = socket.read(length);
    if (chunk?.length === length) return chunk;
    if (socket.readableEnded || socket.destroyed) throw new Error("the client has left");
    // Its end is readable, too.
    await once(socket, "readable");
  }
}

import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import { Agent, type buildConnector, type Dispatcher } from "undici";
import type { AddressGuard } from "./egress/address-guard.ts";
import { Dialer } from "./egress/dialer.ts";
import type { Egress, EgressPurpose } from "./egress/egress.ts";
import { networkFailure } from "./network-failure.ts";
import { UpstreamError } from "./upstream.ts";

export interface HttpRequest {
  method: "GET" | "HEAD" | "POST" | "PUT";
  url: URL;
  headers: Readonly<Record<string, string>>;
  body?: string;
  signal: AbortSignal;
  /** Decides which way it goes. */
  purpose: EgressPurpose;
}

export interface HttpResponse {
  status: number;
  headers: IncomingHttpHeaders;
  /** Must be read to its end, discarded or destroyed. */
  body: Dispatcher.ResponseData["body"];
  /** Where it came from. */
  url: URL;
}

export interface TransportOptions {
  egress: Egress;
  /** The endpoint's hostname: client certificates are shown there and nowhere else. */
  ownHost: string;
  /** undefined: every address may be reached. */
  guard: AddressGuard | undefined;
  /** For all of names, TCP, proxies and TLS together. */
  connectTimeoutMs: number;
  responseTimeoutMs: number;
  /** Without a byte of body while the reader has room for some. */
  stallTimeoutMs: number;
  onAttempt: () => void;
}

/** Room between socket and reader, so that a reader that writes in batches does not stop the flow. */
const bodyBufferBytes = 512 * 1024;

const idleConnectionMs = 30_000;

const commonHeaders = { "accept-encoding": "identity", "user-agent": "entrepot/mirror" };

/** Single HTTP/1.1 requests: no redirects, no authentication, no retries. */
export class Transport implements AsyncDisposable {
  readonly #agents: Record<EgressPurpose, Agent>;
  readonly #onAttempt: () => void;
  readonly #closed = new AbortController();

  /** Throws Error where the egress names what is no proxy. */
  constructor(options: TransportOptions) {
    this.#onAttempt = options.onAttempt;
    const dialer = new Dialer(options);
    const openAgent = (purpose: EgressPurpose) =>
      new Agent({
        // HTTP/2 is 30 times slower than HTTP/1.1 at 30 ms of latency (8 against 240 MB/s).
        allowH2: false,
        connect: connectorOf(dialer, purpose, this.#closed.signal),
        headersTimeout: options.responseTimeoutMs,
        bodyTimeout: options.stallTimeoutMs,
        keepAliveTimeout: idleConnectionMs,
      });
    this.#agents = {
      registry: openAgent("registry"),
      token: openAgent("token"),
      content: openAgent("content"),
    };
  }

  /** Throws UpstreamError, or the signal's reason when that is why. */
  async send(request: HttpRequest): Promise<HttpResponse> {
    const { method, url, signal, purpose, body: sent = null } = request;
    signal.throwIfAborted();
    this.#onAttempt();
    try {
      const { statusCode, headers, body } = await this.#agents[purpose].request({
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers: { ...commonHeaders, ...request.headers },
        body: sent,
        signal,
        // Or else undici closes the connection after each HEAD, by which tags are revalidated.
        reset: false,
        highWaterMark: bodyBufferBytes,
      });
      // A body may fail when nobody reads it any more, which is nobody's concern then.
      body.on("error", () => {});
      return { status: statusCode, headers, body, url };
    } catch (error) {
      signal.throwIfAborted();
      throw networkFailure(error, url.origin);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await Promise.all(Object.values(this.#agents).map((agent) => agent.destroy()));
  }
}

function connectorOf(
  dialer: Dialer,
  purpose: EgressPurpose,
  signal: AbortSignal,
): buildConnector.connector {
  const connect = async (
    { protocol, hostname, host = hostname, port }: buildConnector.Options,
    callback: buildConnector.Callback,
  ) => {
    const scheme = protocol === "https:" ? protocol : "http:";
    const defaultPort = scheme === "https:" ? 443 : 80;
    const target = { protocol: scheme, hostname, port: port ? Number(port) : defaultPort } as const;
    const where = `${scheme}//${host}`;
    let socket: Socket;
    try {
      socket = await dialer.dial(target, purpose, { signal });
    } catch (error) {
      callback(atOrigin(error, where), null);
      return;
    }
    callback(null, socket);
  };
  return (options, callback) => void connect(options, callback);
}

/** A dialer says which stage failed; its caller, on the way to whom. */
function atOrigin(error: unknown, where: string): UpstreamError {
  const { failure, message, cause } = networkFailure(error, where);
  const text = error instanceof UpstreamError ? `${where}: ${message}` : message;
  return new UpstreamError(failure, text, { cause });
}

/** Reads away what is of no interest, so that the connection can serve again; gives it up if that is much. */
export async function discardBody({ body }: HttpResponse): Promise<void> {
  await body.dump({ limit: 65_536 }).catch(() => {});
}

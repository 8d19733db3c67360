import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { pino, type Logger } from "pino";
import type { CloudAccess } from "../../src/upstream/credential-sources/cloud-access.ts";
import { directEgress } from "../../src/upstream/egress/egress.ts";
import { Transport } from "../../src/upstream/transport.ts";
import { LoopbackServer } from "./loopback-server.ts";
import { SteppedClock } from "./stepped-clock.ts";

export interface CloudCall {
  /** `POST /oauth2/exchange`, without the query. */
  route: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: string;
  /** The body as a form. */
  form: URLSearchParams;
}

export interface CloudReply {
  status?: number;
  headers?: Record<string, string>;
  /** Objects go out as JSON. */
  body?: unknown;
}

export type CloudRoute = (call: CloudCall) => CloudReply;

/** The services of a cloud that give out credentials, on one loopback port. */
export class FakeCloud implements AsyncDisposable {
  readonly journal: CloudCall[] = [];
  readonly #routes = new Map<string, CloudRoute>();
  readonly #server: LoopbackServer;

  private constructor() {
    this.#server = new LoopbackServer((request, response) => {
      void this.#answer(request).then(({ status = 200, headers = {}, body = "" }) => {
        response.writeHead(status, headers);
        return response.end(typeof body === "string" ? body : JSON.stringify(body));
      });
    });
  }

  static async start(routes: Record<string, CloudRoute> = {}): Promise<FakeCloud> {
    const cloud = new FakeCloud();
    for (const [route, answer] of Object.entries(routes)) cloud.on(route, answer);
    await cloud.#server.start();
    return cloud;
  }

  get url(): string {
    return this.#server.url;
  }

  /** In the place of what answered there before; everything else is 404. */
  on(route: string, answer: CloudRoute): void {
    this.#routes.set(route, answer);
  }

  /** What was asked, in order. */
  get routes(): string[] {
    return this.journal.map(({ route }) => route);
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
  }

  async #answer(request: IncomingMessage): Promise<CloudReply> {
    const url = new URL(request.url ?? "/", this.url);
    const body = await text(request);
    const call: CloudCall = {
      route: `${request.method} ${url.pathname}`,
      query: url.searchParams,
      headers: request.headers,
      body,
      form: new URLSearchParams(body),
    };
    this.journal.push(call);
    return this.#routes.get(call.route)?.(call) ?? { status: 404 };
  }
}

export interface OpenedCloudAccess extends AsyncDisposable {
  access: CloudAccess;
  clock: SteppedClock;
  /** Everything logged, a line of JSON each. */
  lines: string[];
  /** Requests, by the way they went. */
  sent: { internet: number; local: number };
}

/** A way to the fake cloud, with time at a standstill and little patience. */
export function openCloudAccess(environment: Record<string, string> = {}): OpenedCloudAccess {
  const clock = new SteppedClock();
  const { log, lines } = openLog();
  const sent = { internet: 0, local: 0 };
  const internet = openTransport(() => (sent.internet += 1));
  const local = openTransport(() => (sent.local += 1));
  const { signal } = new AbortController();
  return {
    access: { internet, local, environment, clock, log, signal },
    clock,
    lines,
    sent,
    async [Symbol.asyncDispose]() {
      await internet[Symbol.asyncDispose]();
      await local[Symbol.asyncDispose]();
    },
  };
}

function openTransport(onAttempt: () => void): Transport {
  return new Transport({
    egress: directEgress,
    ownHost: "127.0.0.1",
    guard: undefined,
    connectTimeoutMs: 5000,
    responseTimeoutMs: 5000,
    stallTimeoutMs: 5000,
    onAttempt,
  });
}

/** A log that is kept, a line of JSON each. */
export function openLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _, done) {
      lines.push(chunk.toString().trim());
      done();
    },
  });
  return { log: pino({ level: "trace" }, destination), lines };
}

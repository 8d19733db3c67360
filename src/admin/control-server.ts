import { rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Logger } from "pino";
import { z } from "zod";
import type { Clock } from "../clock.ts";
import { RegistryError } from "../oci/errors.ts";
import type {
  CallOptions,
  OperationArgs,
  OperationName,
  OperationResult,
  Operations,
} from "../registry/operations/operations.ts";
import { bindSocket } from "./bind-socket.ts";
import {
  argsSchemas,
  greetingPath,
  isOperationName,
  parseJson,
  toWireError,
  versionHeader,
} from "./control-wire.ts";
import { LineWriter } from "./line-writer.ts";

interface ControlServerOptions {
  /** Of the socket. */
  path: string;
  operations: Operations;
  /** Of this program. */
  version: string;
  clock: Clock;
  log: Logger;
}

/** How long a request may take to come; its body is small, and its sender on this machine. */
const requestTimeoutMs = 30_000;
const maxBodyBytes = 32 * 1024 * 1024;

/** What somebody who wonders later should find in the log. */
const changesCache: ReadonlySet<OperationName> = new Set(["evict", "pin", "remove", "unpin"]);
const maxLoggedArgs = 1000;

/** What was told to end gets so long for it. */
const endTimeoutMs = 5000;

/** Lets commands of the same user, and nobody else, steer the running server over a socket. */
export class ControlServer implements AsyncDisposable {
  readonly #path: string;
  readonly #operations: Operations;
  readonly #version: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #server: Server;
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #ending: Promise<void> | undefined;

  private constructor({ path, operations, version, clock, log }: ControlServerOptions) {
    this.#path = path;
    this.#operations = operations;
    this.#version = version;
    this.#clock = clock;
    this.#log = log;
    this.#server = createServer({ requestTimeout: requestTimeoutMs }, (request, response) =>
      this.#track(this.#answer(request, response)),
    );
  }

  /** Replaces a socket that is there. Rejects with a system error where none can be made. */
  static async listen(options: ControlServerOptions): Promise<ControlServer> {
    const server = new ControlServer(options);
    await bindSocket(server.#server, options.path);
    return server;
  }

  /** Takes no more commands, lets running ones finish within `graceMs`, and then ends them. */
  async drain(graceMs: number): Promise<void> {
    this.#ending ??= this.#end(graceMs);
    await this.#ending;
  }

  /** Ends what runs; it has a moment to say so. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending ??= this.#end(0);
    this.#stop();
    await this.#ending;
  }

  async #end(graceMs: number): Promise<void> {
    await rm(this.#path, { force: true });
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    await this.#settle(graceMs, this.#stopping.signal);
    this.#stop();
    await this.#settle(endTimeoutMs);
    this.#server.closeAllConnections();
    await closed.promise;
  }

  #stop(): void {
    this.#stopping.abort(new RegistryError("UNAVAILABLE", "the server is stopping"));
  }

  /** Resolves when nothing runs any more, after `ms`, or when aborted. */
  async #settle(ms: number, signal?: AbortSignal): Promise<void> {
    const settled = new AbortController();
    const bound = signal ? AbortSignal.any([signal, settled.signal]) : settled.signal;
    const waited = this.#clock.sleep(ms, bound).catch(() => undefined);
    await Promise.race([Promise.all(this.#running), waited]);
    settled.abort();
  }

  #track(answered: Promise<void>): void {
    this.#running.add(answered);
    void answered.finally(() => this.#running.delete(answered));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader(versionHeader, this.#version);
    try {
      await this.#route(request, response);
    } catch (error) {
      this.#log.error({ err: error, url: request.url }, "a command could not be answered");
      response.destroy();
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = "", method } = request;
    if (url === greetingPath && method === "GET") {
      response.setHeader("Content-Type", "application/json").end(`{"version":"${this.#version}"}`);
      return;
    }
    const name = /^\/v1\/([A-Za-z]+)$/.exec(url)?.[1] ?? "";
    if (!isOperationName(name)) return refuse(response, 404, `there is no ${url} here`);
    if (method !== "POST") return refuse(response, 405, "operations are asked for by POST");
    const body = await readBody(request);
    if (body === undefined) return refuse(response, 413, "the arguments are too long; give less");
    await this.#operate(name, body, response);
  }

  async #operate(name: OperationName, body: string, response: ServerResponse): Promise<void> {
    const { run, args, problem } = prepare(this.#operations, name, body);
    if (!run) return refuse(response, 400, `${name}: ${problem}`);
    const gone = new AbortController();
    response.once("close", () => gone.abort(new Error("who asked has gone")));
    const signal = AbortSignal.any([gone.signal, this.#stopping.signal]);
    const lines = new LineWriter(response);
    const onEvent = (event: unknown) => lines.write({ event });
    response.setHeader("Content-Type", "application/x-ndjson").flushHeaders();
    try {
      signal.throwIfAborted();
      const result = await run({ signal, onEvent, caughtUp: () => lines.caughtUp(signal) });
      this.#noteChange(name, args);
      lines.end({ result });
    } catch (error) {
      const { aborted: isStopping, reason } = this.#stopping.signal;
      if (!signal.aborted) this.#noteFailure(name, error);
      lines.end({ error: toWireError(isStopping ? reason : error) });
    }
  }

  #noteChange(operation: OperationName, args: unknown): void {
    if (!changesCache.has(operation)) return;
    const told = JSON.stringify(args).slice(0, maxLoggedArgs);
    this.#log.info({ operation, args: told }, "a command was carried out");
  }

  /** What the caller got wrong is told to the caller only. */
  #noteFailure(name: OperationName, error: unknown): void {
    if (error instanceof RegistryError) return;
    this.#log.error({ err: error, operation: name }, "a command failed");
  }
}

interface Prepared<Result> {
  /** undefined: the arguments are not what the operation takes; `problem` says why. */
  run?: (call: CallOptions<unknown>) => Promise<Result>;
  /** As they were understood. */
  args?: OperationArgs<OperationName>;
  problem?: string;
}

function prepare<Name extends OperationName>(
  operations: Operations,
  name: Name,
  body: string,
): Prepared<OperationResult<Name>> {
  const parsed = argsSchemas[name].safeParse(parseJson(body));
  if (!parsed.success) return { problem: z.prettifyError(parsed.error) };
  const args = parsed.data;
  return { run: (call) => operations[name](args, call), args };
}

/** For what is not understood: another version may have asked. */
function refuse(response: ServerResponse, status: number, message: string): void {
  const error = { code: "UNSUPPORTED", message };
  response.writeHead(status, { "Content-Type": "application/x-ndjson", Connection: "close" });
  response.end(`${JSON.stringify({ error })}\n`);
}

/** undefined: it is too long. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError("a body of bytes was expected");
    length += chunk.length;
    if (length > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

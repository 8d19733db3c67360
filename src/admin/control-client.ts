import { Agent, request, type ClientRequest, type IncomingMessage } from "node:http";
import { RegistryError } from "../oci/errors.ts";
import type {
  CallOptions,
  OperationArgs,
  OperationEvent,
  OperationName,
  OperationResult,
  Operations,
} from "../registry/operations/operations.ts";
import { StartError } from "../start-error.ts";
import {
  fromWireError,
  greetingPath,
  isEvent,
  isResult,
  operationPath,
  parseMessage,
  versionHeader,
  type WireMessage,
} from "./control-wire.ts";
import { readLines } from "./read-lines.ts";
import { withSocketPath } from "./socket-path.ts";

interface ConnectOptions {
  /** Of the socket. */
  path: string;
  /** Of this program. */
  version: string;
  /** A server that does not greet within this time does not run, whatever holds the socket. */
  greetingTimeoutMs?: number;
}

/** The status for arguments that are understood by no version. */
const tooLong = 413;

/** Nobody listens there: no such file, one that a dead process left, or no socket at all. */
const absent = ["ENOENT", "ENOTDIR", "ECONNREFUSED", "ENOTSOCK"];

/** The operations of a server that runs, over its socket. Its errors are RegistryErrors again. */
export class ControlClient implements Operations {
  readonly #path: string;
  readonly #version: string;
  readonly #serverVersion: string;

  readonly listRepositories = this.#bind("listRepositories");
  readonly listTags = this.#bind("listTags");
  readonly listBlobs = this.#bind("listBlobs");
  readonly show = this.#bind("show");
  readonly remove = this.#bind("remove");
  readonly pin = this.#bind("pin");
  readonly unpin = this.#bind("unpin");
  readonly listPins = this.#bind("listPins");
  readonly evict = this.#bind("evict");
  readonly verify = this.#bind("verify");
  readonly prefetch = this.#bind("prefetch");
  readonly stats = this.#bind("stats");
  readonly listUpstreams = this.#bind("listUpstreams");
  readonly testUpstream = this.#bind("testUpstream");

  private constructor({ path, version }: ConnectOptions, serverVersion: string) {
    this.#path = path;
    this.#version = version;
    this.#serverVersion = serverVersion;
  }

  /** undefined: no server listens there. Throws StartError where one does that cannot be asked. */
  static async connect(options: ConnectOptions): Promise<ControlClient | undefined> {
    const { greetingTimeoutMs = 10_000 } = options;
    const signal = AbortSignal.timeout(greetingTimeoutMs);
    try {
      return await withSocketPath(options.path, async (socketPath) => {
        const response = await send({ socketPath, path: greetingPath, signal });
        response.resume();
        return new ControlClient(options, String(response.headers[versionHeader]));
      });
    } catch (error) {
      if (absent.includes(codeOf(error))) return undefined;
      throw new StartError(explainRefusal(options.path, error), { cause: error });
    }
  }

  #bind<Name extends OperationName>(name: Name) {
    return async (
      args: OperationArgs<Name>,
      options: CallOptions<OperationEvent<Name>>,
    ): Promise<OperationResult<Name>> =>
      withSocketPath(this.#path, (socketPath) => this.#call(name, args, options, socketPath));
  }

  async #call<Name extends OperationName>(
    name: Name,
    args: OperationArgs<Name>,
    { signal, onEvent }: CallOptions<OperationEvent<Name>>,
    socketPath: string,
  ): Promise<OperationResult<Name>> {
    const headers = { [versionHeader]: this.#version, "Content-Type": "application/json" };
    const body = JSON.stringify(args);
    try {
      const response = await send({ socketPath, path: operationPath(name), signal, headers, body });
      for await (const line of readLines(response)) {
        const message = this.#read(line, response);
        if ("error" in message) throw fromWireError(message.error);
        if ("event" in message && isEvent(name, message.event)) onEvent(message.event);
        else if ("result" in message && isResult(name, message.result)) return message.result;
        else throw this.#misunderstood(`its answer to ${name} is of another kind`);
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof RegistryError) throw error;
      throw new RegistryError("UNAVAILABLE", "the connection to the server broke", {
        cause: error,
      });
    }
    throw new RegistryError("UNAVAILABLE", "the server ended before it had answered");
  }

  #read(line: string, { statusCode }: IncomingMessage): WireMessage {
    const message = parseMessage(line);
    if (!message) throw this.#misunderstood("its answer cannot be read");
    const isMisunderstood = statusCode !== 200 && statusCode !== tooLong;
    if (isMisunderstood && "error" in message) throw this.#misunderstood(message.error.message);
    return message;
  }

  #misunderstood(detail: string): RegistryError {
    const message =
      this.#serverVersion === this.#version
        ? `the running server and this command do not understand each other: ${detail}`
        : `the running server is entrepot ${this.#serverVersion}, this command ${this.#version}, and they do not understand each other; restart the server, or use its own command (${detail})`;
    return new RegistryError("UNSUPPORTED", message);
  }
}

interface Message {
  socketPath: string;
  path: string;
  signal: AbortSignal;
  headers?: Record<string, string>;
  /** POST with one, GET without. */
  body?: string;
}

/** The answer, as soon as it begins. The signal ends its body, too. */
async function send({
  socketPath,
  path,
  signal,
  headers,
  body,
}: Message): Promise<IncomingMessage> {
  const method = body === undefined ? "GET" : "POST";
  const agent = new Agent();
  const sent: ClientRequest = request({ socketPath, path, method, signal, headers, agent });
  const answered = Promise.withResolvers<IncomingMessage>();
  sent.on("error", answered.reject);
  sent.on("response", answered.resolve);
  sent.end(body);
  return answered.promise;
}

function explainRefusal(path: string, error: unknown): string {
  const code = codeOf(error);
  if (code === "EACCES" || code === "EPERM") {
    return `${path} is for the user that the server runs as: run the command as that user`;
  }
  if (code === "ABORT_ERR") {
    return `the server behind ${path} does not answer: it hangs, or its process is suspended`;
  }
  const reason = Error.isError(error) ? error.message : String(error);
  return `the server behind ${path} cannot be asked: ${reason}`;
}

function codeOf(error: unknown): string {
  return Error.isError(error) && "code" in error ? String(error.code) : "";
}

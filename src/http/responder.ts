import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import { RegistryError } from "../oci/errors.ts";
import { errorReply } from "./error-response.ts";
import type { Reply } from "./reply.ts";
import type { RequestScope } from "./request-scope.ts";
import type { BlobSender } from "./send-blob.ts";

/** Turns replies and errors into responses, and notes on the request's record what went out. */
export class Responder {
  readonly #log: Logger;
  readonly #scope: RequestScope;
  readonly #blobs: BlobSender;

  constructor(options: { log: Logger; scope: RequestScope; blobs: BlobSender }) {
    this.#log = options.log;
    this.#scope = options.scope;
    this.#blobs = options.blobs;
  }

  /** Answers with what `produce` makes, or with the error that it throws. Never rejects. */
  async respond(
    request: IncomingMessage,
    response: ServerResponse,
    produce: () => Reply | Promise<Reply>,
  ): Promise<void> {
    const reply = await this.#produce(produce);
    try {
      await this.#send(request, response, reply);
    } catch (error) {
      this.#scope.note({ error: nameError(error) });
      // The client has to see a broken transfer: neither a clean end nor anything appended.
      response.destroy();
    }
  }

  async #produce(produce: () => Reply | Promise<Reply>): Promise<Reply> {
    try {
      return await produce();
    } catch (error) {
      const answer = this.#toRegistryError(error);
      this.#scope.note({ error: answer.code });
      return errorReply(answer);
    }
  }

  /** What was not meant for the client stays in the log; the request id leads there. */
  #toRegistryError(error: unknown): RegistryError {
    if (error instanceof RegistryError && error.code !== "UNKNOWN") return error;
    this.#log.error({ err: error }, "request failed");
    const requestId = this.#scope.current()?.requestId;
    return new RegistryError("UNKNOWN", "internal error", { detail: { requestId } });
  }

  async #send(request: IncomingMessage, response: ServerResponse, reply: Reply): Promise<void> {
    const { status, headers, body, cache } = reply;
    const onSent = this.#startCounting();
    if (cache) this.#scope.note({ cache });
    response.writeHead(status, cache ? { ...headers, "X-Cache": cache } : headers);
    if (request.method === "HEAD" || body === undefined) response.end();
    else if (body instanceof Uint8Array) sendBytes(response, body, onSent);
    else {
      // Upstream's first byte may take long, and containerd waits 30 s for headers.
      if (cache !== "HIT") response.flushHeaders();
      await this.#blobs.send({ response, body, onSent });
    }
  }

  #startCounting(): (count: number) => void {
    const record = this.#scope.current();
    return (count) => {
      if (record) record.bytes += count;
    };
  }
}

/** Ends when the bytes are out: a Node server that is closed cuts off what was merely ended. */
function sendBytes(response: ServerResponse, bytes: Uint8Array, onSent: (count: number) => void) {
  response.write(bytes, (error) => {
    if (error) return;
    onSent(bytes.length);
    response.end();
  });
}

function nameError(error: unknown): string {
  if (error instanceof RegistryError) return error.code;
  return Error.isError(error) ? error.message : "unknown";
}

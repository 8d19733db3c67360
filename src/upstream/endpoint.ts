import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import type { RepositoryName } from "../oci/repository-name.ts";
import { refusedAuthorization, type Authorizer } from "./authorizer.ts";
import { Breaker } from "./breaker.ts";
import { Incidents } from "./incidents.ts";
import { followRedirects } from "./redirects.ts";
import { isServerTrouble } from "./status-failure.ts";
import { discardBody, type HttpRequest, type HttpResponse, type Transport } from "./transport.ts";
import { UpstreamError } from "./upstream.ts";

export interface EndpointRequest {
  method: "GET" | "HEAD";
  repository: RepositoryName;
  /** Below the repository, with query: `manifests/latest`. */
  path: string;
  headers?: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

export interface EndpointOptions {
  base: URL;
  transport: Transport;
  authorizer: Authorizer;
  /** Names the upstream. */
  log: Logger;
  clock: Clock;
}

/** How object stores say that a signed URL has run out, or that they want it otherwise. */
const staleUrlStatuses = new Set([400, 401, 403]);

const distrustMs = 60_000;
const brokenBodyMs = 30_000;

/** One base URL of a registry: how to be let in there, and how far to rely on it now. */
export class Endpoint {
  readonly breaker: Breaker;
  readonly incidents: Incidents;
  readonly #options: EndpointOptions;
  #lastUntil = 0;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.breaker = new Breaker(options.clock);
    this.incidents = new Incidents(options.log.child({ endpoint: this.name }), options.clock);
  }

  /** Its URL without a slash at the end. */
  get name(): string {
    return this.#options.base.href.replace(/\/+$/, "");
  }

  /** To be asked after all the others. */
  get goesLast(): boolean {
    return this.#options.clock.monotonic() < this.#lastUntil;
  }

  /** It sent what is wrong. */
  distrust(): void {
    this.#goLastFor(distrustMs);
  }

  /** A request to it failed. */
  noteFailure(error: UpstreamError): void {
    this.incidents.noteFailure(error);
    if (error.failure === "invalid") this.distrust();
  }

  /** A body it sent, or redirected to, broke off or stalled. */
  noteBrokenBody(error: UpstreamError): void {
    this.noteFailure(error);
    this.#goLastFor(brokenBodyMs);
  }

  /**
   * The answer after authentication and redirects, whatever its status but 401 for want of rights.
   * Throws UpstreamError.
   */
  async fetch(request: EndpointRequest): Promise<HttpResponse> {
    const response = await this.#fetchAuthorized(request);
    // Signed URLs are often good for GET only: that HEAD is refused says nothing.
    if (request.method === "HEAD" || !this.#isRefusedElsewhere(response)) {
      return this.#checkEncoding(response);
    }
    await discardBody(response);
    const second = await this.#fetchAuthorized(request);
    if (!this.#isRefusedElsewhere(second)) return this.#checkEncoding(second);
    await discardBody(second);
    const message = `${second.url.origin}: refused a new signed URL with status ${second.status}`;
    throw new UpstreamError("invalid", message);
  }

  async #fetchAuthorized(request: EndpointRequest): Promise<HttpResponse> {
    const { authorizer } = this.#options;
    const shown = await this.#withBreaker(() =>
      unlessAborted(request.signal, authorizer.authorize(request.repository)),
    );
    const response = await this.#send(request, shown);
    if (!this.#isChallenge(response)) return response;
    await discardBody(response);
    const challenge = response.headers["www-authenticate"];
    const renewed = await this.#withBreaker(() =>
      unlessAborted(
        request.signal,
        authorizer.answerChallenge(request.repository, challenge, shown),
      ),
    );
    const second = await this.#send(request, renewed);
    if (!this.#isChallenge(second)) return second;
    await discardBody(second);
    throw refusedAuthorization(renewed);
  }

  #send(request: EndpointRequest, authorization: string | undefined): Promise<HttpResponse> {
    const { method, repository, path, signal } = request;
    const url = new URL(`${this.name}/v2/${repository}/${path}`);
    const headers = { ...request.headers, ...(authorization && { authorization }) };
    return followRedirects({ method, url, headers, signal }, (hop) => this.#sendHop(hop));
  }

  async #sendHop(hop: HttpRequest): Promise<HttpResponse> {
    if (hop.url.origin !== this.#options.base.origin) return this.#options.transport.send(hop);
    const response = await this.#withBreaker(() => this.#options.transport.send(hop));
    if (isServerTrouble(response.status)) this.breaker.noteFailure();
    else this.breaker.noteAnswer();
    return response;
  }

  /** A registry whose token server is away is as good as away. */
  async #withBreaker<Result>(action: () => Promise<Result>): Promise<Result> {
    try {
      return await action();
    } catch (error) {
      if (error instanceof UpstreamError && isSilence(error)) this.breaker.noteFailure();
      throw error;
    }
  }

  #isChallenge(response: HttpResponse): boolean {
    return response.status === 401 && !this.#isElsewhere(response);
  }

  #isRefusedElsewhere(response: HttpResponse): boolean {
    return this.#isElsewhere(response) && staleUrlStatuses.has(response.status);
  }

  #isElsewhere(response: HttpResponse): boolean {
    return response.url.origin !== this.#options.base.origin;
  }

  /** What is encoded has another size and digest than what was asked for. */
  #checkEncoding(response: HttpResponse): HttpResponse {
    const encoding = response.headers["content-encoding"] ?? "identity";
    if (encoding === "identity" || encoding === "") return response;
    response.body.destroy();
    const message = `${response.url.origin}: content encoded as ${encoding}`;
    throw new UpstreamError("invalid", message);
  }

  #goLastFor(durationMs: number): void {
    this.#lastUntil = Math.max(this.#lastUntil, this.#options.clock.monotonic() + durationMs);
  }
}

/** Others may wait for the same token: whoever gives up leaves it to them. */
async function unlessAborted<Result>(
  signal: AbortSignal,
  result: Promise<Result>,
): Promise<Result> {
  const aborted = Promise.withResolvers<never>();
  const giveUp = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    return await Promise.race([result, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

function isSilence({ failure }: UpstreamError): boolean {
  return failure === "unreachable" || failure === "timeout" || failure === "server-error";
}

import type { Logger } from "pino";
import { Breaker } from "./breaker.ts";
import {
  EndpointAccess,
  type EndpointAccessOptions,
  type EndpointRequest,
} from "./endpoint-access.ts";
import { EndpointHealth } from "./endpoint-health.ts";
import { EndpointStanding } from "./endpoint-standing.ts";
import { Incidents } from "./incidents.ts";
import { discardBody, type HttpResponse } from "./transport.ts";
import { UpstreamError, type EndpointState, type EndpointStatus } from "./upstream.ts";

export interface EndpointOptions extends Omit<EndpointAccessOptions, "breaker" | "onLatency"> {
  trust: "full" | "content";
  /** Names the upstream. */
  log: Logger;
  /** It sent something else than what the digest says. */
  onLie: (endpoint: string) => void;
}

/** How object stores say that a signed URL has run out, or that they want it otherwise. */
const staleUrlStatuses = new Set([400, 401, 403]);

/** One base URL of a registry: what it is to be trusted with, and how far to rely on it now. */
export class Endpoint {
  readonly trust: "full" | "content";
  readonly #breaker: Breaker;
  readonly incidents: Incidents;
  readonly health: EndpointHealth;
  readonly #standing: EndpointStanding;
  readonly #access: EndpointAccess;
  readonly #options: EndpointOptions;
  readonly #log: Logger;

  constructor(options: EndpointOptions) {
    const { trust, clock, log } = options;
    this.#options = options;
    this.trust = trust;
    this.#log = log.child({ endpoint: this.name });
    this.#breaker = new Breaker(clock);
    this.incidents = new Incidents(this.#log, clock);
    this.health = new EndpointHealth(clock);
    this.#standing = new EndpointStanding(trust, clock);
    this.#access = new EndpointAccess({
      ...options,
      breaker: this.#breaker,
      onLatency: (ms) => this.health.noteLatency(ms),
    });
  }

  /** Its URL without a slash at the end. */
  get name(): string {
    return this.#options.base.href.replace(/\/+$/, "");
  }

  /** Whether it is to be asked at all now. */
  get isReady(): boolean {
    return this.#breaker.isReady && !this.#standing.isBanned;
  }

  /** undefined: not now. Dispose of the permit when the request is over, however it went. */
  permit(): Disposable | undefined {
    return this.#standing.isBanned ? undefined : this.#breaker.permit();
  }

  /** To be asked after all the others. */
  get goesLast(): boolean {
    return this.#standing.goesLast;
  }

  /** It sent something else than what the digest says. */
  noteLie(): void {
    this.health.noteLie();
    this.#options.onLie(this.name);
    const ban = this.#standing.noteLie();
    if (ban) this.#log.warn(ban, "an endpoint sent wrong content, and is left alone for a while");
  }

  /** A request to it failed. */
  noteFailure(error: UpstreamError): void {
    this.incidents.noteFailure(error);
    this.health.noteFailure(error);
    if (error.failure === "invalid") this.#standing.noteNonsense();
  }

  /** A body it sent, or redirected to, broke off or stalled. */
  noteBrokenBody(error: UpstreamError): void {
    this.noteFailure(error);
    this.#standing.noteBrokenBody();
    this.#access.forgetLocations();
  }

  /** A body of its was so slow that another endpoint took over. */
  noteSlow(): void {
    this.#standing.noteSlow();
  }

  /**
   * The answer after authentication and redirects, whatever its status but 401 for want of rights.
   * Throws UpstreamError.
   */
  async fetch(request: EndpointRequest): Promise<HttpResponse> {
    const known = request.isPiece ? await this.#access.sendToKnown(request) : undefined;
    if (known) return this.#checkEncoding(known);
    const response = await this.#access.send(request);
    // Signed URLs are often good for GET only: that HEAD is refused says nothing.
    if (request.method === "HEAD" || !this.#isRefusedElsewhere(response)) {
      return this.#checkEncoding(response);
    }
    await discardBody(response);
    const second = await this.#access.send(request);
    if (!this.#isRefusedElsewhere(second)) return this.#checkEncoding(second);
    await discardBody(second);
    const message = `${second.url.origin}: refused a new signed URL with status ${second.status}`;
    throw new UpstreamError("invalid", message);
  }

  describe(): EndpointStatus {
    return { url: this.name, trust: this.trust, state: this.#state, ...this.health.describe() };
  }

  get #state(): EndpointState {
    if (this.#breaker.state !== "closed") return this.#breaker.state;
    const complaint =
      this.#standing.complaint ?? (this.#breaker.isCounting ? "failing" : undefined);
    return complaint ?? (this.health.isUnused ? "unused" : "ok");
  }

  #isRefusedElsewhere(response: HttpResponse): boolean {
    return this.#access.isElsewhere(response) && staleUrlStatuses.has(response.status);
  }

  /** What is encoded has another size and digest than what was asked for. */
  #checkEncoding(response: HttpResponse): HttpResponse {
    const encoding = response.headers["content-encoding"] ?? "identity";
    if (encoding === "identity" || encoding === "") return response;
    response.body.destroy();
    const message = `${response.url.origin}: content encoded as ${encoding}`;
    throw new UpstreamError("invalid", message);
  }
}

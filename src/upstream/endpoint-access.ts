import type { Clock } from "../clock.ts";
import type { RepositoryName } from "../oci/repository-name.ts";
import { unlessAborted } from "../unless-aborted.ts";
import { AccountChoice } from "./account-choice.ts";
import type { Account, Accounts } from "./accounts.ts";
import type { Authorizer } from "./authorizer.ts";
import type { Breaker } from "./breaker.ts";
import { ForeignChallenges } from "./foreign-challenges.ts";
import { KnownLocations } from "./known-locations.ts";
import { followRedirects } from "./redirects.ts";
import { parseRetryAfter } from "./retry-after.ts";
import { isServerTrouble } from "./status-failure.ts";
import { discardBody, type HttpRequest, type HttpResponse, type Transport } from "./transport.ts";
import { UpstreamError, type UpstreamFailure } from "./upstream.ts";

export interface EndpointRequest {
  method: "GET" | "HEAD";
  repository: RepositoryName;
  /** Below the repository, with query: `manifests/latest`. */
  path: string;
  headers?: Readonly<Record<string, string>>;
  /** A piece of what was asked for before: where that led to will do. */
  isPiece?: boolean;
  signal: AbortSignal;
}

export interface EndpointAccessOptions {
  base: URL;
  transport: Transport;
  accounts: Accounts;
  /** For an account at a registry; undefined: as nobody. */
  makeAuthorizer: (base: URL, account: Account | undefined) => Authorizer;
  breaker: Breaker;
  /** Told how long the answer to a request took, redirects included. */
  onLatency: (ms: number) => void;
  clock: Clock;
}

/** What came of asking as one account. */
interface Attempt {
  isFinal: boolean;
  response?: HttpResponse;
  /** Where nobody else is asked. */
  end: () => HttpResponse | Promise<never>;
}

const accountFailures = new Set<UpstreamFailure>(["credentials", "denied"]);

/** How to be let in at one endpoint: as whom, with what to show, and through which redirects. */
export class EndpointAccess {
  readonly #options: EndpointAccessOptions;
  readonly #foreign: ForeignChallenges;
  readonly #choice: AccountChoice;
  readonly #locations: KnownLocations;
  readonly #authorizers = new Map<Account, Authorizer>();

  constructor(options: EndpointAccessOptions) {
    this.#options = options;
    this.#choice = new AccountChoice(options);
    this.#locations = new KnownLocations(options.clock);
    this.#foreign = new ForeignChallenges({
      transport: options.transport,
      makeAuthorizer: (base) => options.makeAuthorizer(base, undefined),
    });
  }

  /**
   * The answer after authentication and redirects, whatever its status but 401 for want of rights;
   * 429 and 403 only once no account is left that may ask. Throws UpstreamError.
   */
  async send(request: EndpointRequest): Promise<HttpResponse> {
    const { repository } = request;
    const tried = new Set<Account>();
    let account = this.#choice.choose(repository);
    for (;;) {
      tried.add(account);
      const outcome = await this.#trySendAs(account, request);
      const other = outcome.isFinal ? undefined : this.#choice.chooseOther(repository, tried);
      if (other === undefined) return outcome.end();
      if (outcome.response) await discardBody(outcome.response);
      account = other;
    }
  }

  /**
   * Content from where an earlier request for the same led to, without asking the registry.
   * undefined: from nowhere, or it is not to be had there any more.
   */
  async sendToKnown(request: EndpointRequest): Promise<HttpResponse | undefined> {
    const { method, headers = {}, signal } = request;
    const key = locationKey(request);
    const url = this.#locations.find(key);
    if (!url) return undefined;
    const hop: HttpRequest = { method, url, headers, signal, purpose: "content" };
    try {
      const response = await this.#options.transport.send(hop);
      if (response.status === 200 || response.status === 206) return response;
      await discardBody(response);
    } catch {
      signal.throwIfAborted();
    }
    this.#locations.forget(key);
    return undefined;
  }

  /** What it redirected to is no good. */
  forgetLocations(): void {
    this.#locations.clear();
  }

  /** It comes from where the endpoint redirected to. */
  isElsewhere(response: HttpResponse): boolean {
    return response.url.origin !== this.#options.base.origin;
  }

  /** Throws what is not about the account. */
  async #trySendAs(account: Account, request: EndpointRequest): Promise<Attempt> {
    try {
      const response = await this.#sendAs(account, request);
      const isFinal = !this.#isAboutAccount(response, account, request.repository);
      return { isFinal, response, end: () => response };
    } catch (error) {
      if (!(error instanceof UpstreamError) || !accountFailures.has(error.failure)) throw error;
      if (error.failure === "denied") this.#choice.noteDenied(request.repository, account);
      return { isFinal: false, end: () => Promise.reject(error) };
    }
  }

  /** Another account may get another answer. */
  #isAboutAccount(response: HttpResponse, account: Account, repository: RepositoryName): boolean {
    if (this.isElsewhere(response)) return false;
    const { status, headers } = response;
    if (status === 403) this.#choice.noteDenied(repository, account);
    if (status !== 429) return status === 403;
    account.noteRateLimited(parseRetryAfter(headers["retry-after"], this.#options.clock.now()));
    return true;
  }

  async #sendAs(account: Account, request: EndpointRequest): Promise<HttpResponse> {
    const { repository, signal } = request;
    const authorizer = this.#authorizerOf(account);
    // Others may wait for the same token: whoever gives up leaves it to them.
    const shown = await this.#withBreaker(() =>
      unlessAborted(authorizer.authorize(repository), signal),
    );
    const response = await this.#sendShowing(shown, account, request);
    if (!this.#isChallenge(response)) return response;
    await discardBody(response);
    const challenge = response.headers["www-authenticate"];
    const renewed = await this.#withBreaker(() =>
      unlessAborted(authorizer.answerChallenge(repository, challenge, shown), signal),
    );
    const second = await this.#sendShowing(renewed, account, request);
    if (!this.#isChallenge(second)) return second;
    await discardBody(second);
    throw authorizer.explainRefusal(renewed);
  }

  async #sendShowing(
    authorization: string | undefined,
    account: Account,
    { method, repository, path, headers, signal }: EndpointRequest,
  ): Promise<HttpResponse> {
    const { base, clock, onLatency } = this.#options;
    const url = new URL(`${base.href.replace(/\/+$/, "")}/v2/${repository}/${path}`);
    const first: HttpRequest = {
      method,
      url,
      headers: { ...headers, ...(authorization && { authorization }) },
      signal,
      purpose: "registry",
    };
    const begunAt = clock.monotonic();
    const response = await followRedirects(first, (hop) => this.#sendHop(hop, account));
    if (method === "GET" && response.status < 300 && this.isElsewhere(response)) {
      this.#locations.remember(locationKey({ repository, path }), response.url);
    }
    if (isAnswer(response.status)) onLatency(clock.monotonic() - begunAt);
    if (response.status !== 401 || !this.isElsewhere(response)) return response;
    return this.#foreign.answer(response, { ...first, headers: { ...headers } }, repository);
  }

  async #sendHop(hop: HttpRequest, account: Account): Promise<HttpResponse> {
    const { base, transport, breaker } = this.#options;
    if (hop.url.origin !== base.origin) return transport.send({ ...hop, purpose: "content" });
    const response = await this.#withBreaker(() => transport.send(hop));
    account.noteHeaders(response.headers);
    if (isServerTrouble(response.status)) breaker.noteFailure();
    else breaker.noteAnswer();
    return response;
  }

  /** A registry whose token server is away is as good as away. */
  async #withBreaker<Result>(action: () => Promise<Result>): Promise<Result> {
    try {
      return await action();
    } catch (error) {
      if (error instanceof UpstreamError && isSilence(error)) this.#options.breaker.noteFailure();
      throw error;
    }
  }

  #authorizerOf(account: Account): Authorizer {
    const known = this.#authorizers.get(account);
    if (known) return known;
    const made = this.#options.makeAuthorizer(this.#options.base, account);
    this.#authorizers.set(account, made);
    return made;
  }

  #isChallenge(response: HttpResponse): boolean {
    return response.status === 401 && !this.isElsewhere(response);
  }
}

function locationKey({ repository, path }: Pick<EndpointRequest, "repository" | "path">): string {
  return `${repository}/${path}`;
}

/** Refusals and troubles may come sooner than content would. */
function isAnswer(status: number): boolean {
  return status < 400 || status === 404;
}

function isSilence({ failure }: UpstreamError): boolean {
  return failure === "unreachable" || failure === "timeout" || failure === "server-error";
}

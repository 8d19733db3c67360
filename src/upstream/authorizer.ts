import { LRUCache } from "lru-cache";
import type { Clock } from "../clock.ts";
import type { RepositoryName } from "../oci/repository-name.ts";
import type { Account } from "./accounts.ts";
import { parseChallenges, type Challenge } from "./challenge.ts";
import { basicAuthorization, sameCredentials, type Credentials } from "./credentials.ts";
import type { RealmTrust } from "./realm-trust.ts";
import { fetchToken } from "./token-server.ts";
import { Tokens, type TokenRequest } from "./tokens.ts";
import type { Transport } from "./transport.ts";
import { UpstreamError } from "./upstream.ts";

/** What a registry wants to see: credentials themselves, or a token from somewhere. */
type Demand = { scheme: "basic" } | { scheme: "bearer"; request: TokenRequest };

export interface AuthorizerOptions {
  account: Account;
  /** Of the endpoint: decides which realms may have the credentials. */
  base: URL;
  transport: Pick<Transport, "send">;
  trust: RealmTrust;
  clock: Clock;
  /** Ends what is asked of token servers. */
  signal: AbortSignal;
}

/** A bound on memory; clients choose the repository names. */
const maxOwnDemands = 1000;

/**
 * What to put into `authorization` for one endpoint as one account. What it once demanded for some
 * repository it is taken to demand for all, which saves each its 401; a repository's own challenge
 * comes first. Credentials that are refused are got anew once, as they may have been renewed.
 */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #own = new LRUCache<RepositoryName, Demand>({ max: maxOwnDemands });
  #general: Demand | undefined;
  /** With other credentials come other rights, so that tokens are kept for one set of them. */
  #held: { credentials: Credentials | undefined; tokens: Tokens } | undefined;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /**
   * undefined: nothing has been demanded yet, or there is nothing to show. Throws UpstreamError:
   * "credentials" when there are none to be had or they are refused.
   */
  async authorize(repository: RepositoryName): Promise<string | undefined> {
    const demand = this.#own.get(repository) ?? withScope(this.#general, repository);
    return demand && this.#meet(demand);
  }

  /**
   * After a 401 with this `WWW-Authenticate`, to a request that had `refused` as its authorization.
   * Throws UpstreamError "denied" or "credentials" when there is nothing else to try.
   */
  async answerChallenge(
    repository: RepositoryName,
    header: string | string[] | undefined,
    refused: string | undefined,
  ): Promise<string> {
    const demand = chooseDemand(parseChallenges(header), repository);
    if (!demand) throw new UpstreamError("denied", "status 401 with no challenge we know");
    const before = this.#general;
    this.#own.set(repository, demand);
    this.#general = demand;
    if (demand.scheme === "bearer" && refused?.startsWith("Bearer ")) {
      this.#held?.tokens.drop(demand.request, refused.slice("Bearer ".length));
    }
    try {
      const authorization = await this.#meetOtherwise(demand, refused);
      if (authorization !== undefined) return authorization;
    } catch (error) {
      // Whoever is in between may have demanded it: the registry is to say again what it wants.
      if (isDeadEnd(error) && this.#general === demand) this.#general = before;
      if (isDeadEnd(error)) this.#own.delete(repository);
      throw error;
    }
    throw new UpstreamError("denied", "credentials are wanted, and none are configured");
  }

  /**
   * What it means that `authorization`, which answered a challenge, is refused too. Credentials that
   * were shown as they are do not count as good any more.
   */
  explainRefusal(authorization: string): UpstreamError {
    const credentials = this.#findShown(authorization);
    if (!credentials) return refusedToken();
    this.#options.account.source?.refuse(credentials);
    this.#options.account.noteCredentialsFailed();
    return refusedCredentials();
  }

  /** Other than what was refused; undefined: there is nothing to show. */
  async #meetOtherwise(demand: Demand, refused: string | undefined): Promise<string | undefined> {
    const authorization = await this.#meet(demand);
    if (authorization === undefined || authorization !== refused) return authorization;
    const credentials = this.#findShown(refused);
    if (!credentials) throw refusedToken();
    return this.#meetAnew(demand, credentials, refusedCredentials());
  }

  async #meet(demand: Demand): Promise<string | undefined> {
    const credentials = await this.#getCredentials();
    try {
      return await this.#meetAs(demand, credentials);
    } catch (error) {
      if (!credentials || !isRefusal(error)) throw error;
      return this.#meetAnew(demand, credentials, error);
    }
  }

  async #meetAnew(
    demand: Demand,
    refused: Credentials,
    failure: UpstreamError,
  ): Promise<string | undefined> {
    const { account } = this.#options;
    account.source?.refuse(refused);
    const credentials = await this.#getCredentials();
    if (sameCredentials(credentials, refused)) {
      account.noteCredentialsFailed();
      throw failure;
    }
    try {
      return await this.#meetAs(demand, credentials);
    } catch (error) {
      if (isRefusal(error)) account.noteCredentialsFailed();
      throw error;
    }
  }

  async #meetAs(demand: Demand, credentials: Credentials | undefined): Promise<string | undefined> {
    const tokens = this.#tokensFor(credentials);
    if (credentials?.kind === "bearer") return `Bearer ${credentials.token}`;
    if (demand.scheme === "bearer") return `Bearer ${await tokens.get(demand.request)}`;
    if (credentials?.kind !== "refresh-token")
      return credentials && basicAuthorization(credentials);
    const message = "the registry wants a user name and a password, and there is a refresh token";
    throw new UpstreamError("credentials", message);
  }

  async #getCredentials(): Promise<Credentials | undefined> {
    const { account } = this.#options;
    try {
      return await account.source?.get();
    } catch (error) {
      account.noteCredentialsFailed();
      throw aboutCredentials(error);
    }
  }

  /** The credentials that were shown so, rather than a token for them. */
  #findShown(authorization: string): Credentials | undefined {
    const credentials = this.#held?.credentials;
    if (!credentials || credentials.kind === "refresh-token") return undefined;
    const shown =
      credentials.kind === "bearer"
        ? `Bearer ${credentials.token}`
        : basicAuthorization(credentials);
    return shown === authorization ? credentials : undefined;
  }

  #tokensFor(credentials: Credentials | undefined): Tokens {
    if (this.#held && sameCredentials(this.#held.credentials, credentials)) {
      return this.#held.tokens;
    }
    const tokens = new Tokens((request) => this.#fetchToken(request, credentials), this.#clock);
    this.#held = { credentials, tokens };
    return tokens;
  }

  #fetchToken(request: TokenRequest, credentials: Credentials | undefined) {
    const { trust, base } = this.#options;
    const credentialsFor = (realm: URL) => trust.admit(credentials, realm, base);
    return fetchToken(request, { ...this.#options, credentialsFor });
  }

  get #clock(): Clock {
    return this.#options.clock;
  }
}

function isRefusal(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError && error.failure === "credentials";
}

/** No token comes of it however often it is tried; silence may end. */
function isDeadEnd(error: unknown): boolean {
  if (!(error instanceof UpstreamError)) return false;
  return ["denied", "forbidden", "invalid"].includes(error.failure);
}

/** That who gives credentials is away is the account's trouble, and says nothing of the registry. */
function aboutCredentials(error: unknown): unknown {
  if (!(error instanceof UpstreamError) || error.failure === "credentials") return error;
  return new UpstreamError("credentials", error.message, { cause: error });
}

function refusedCredentials(): UpstreamError {
  return new UpstreamError("credentials", "the registry refused the credentials");
}

function refusedToken(): UpstreamError {
  return new UpstreamError("denied", "the registry refused its own token");
}

function chooseDemand(challenges: Challenge[], repository: RepositoryName): Demand | undefined {
  for (const { scheme, parameters } of challenges) {
    const realm = parameters.get("realm");
    if (scheme !== "bearer" || realm === undefined) continue;
    const service = parameters.get("service");
    const scope = parameters.get("scope") ?? pullScope(repository);
    return { scheme, request: { realm, service, scope } };
  }
  return challenges.some(({ scheme }) => scheme === "basic") ? { scheme: "basic" } : undefined;
}

function withScope(demand: Demand | undefined, repository: RepositoryName): Demand | undefined {
  if (demand?.scheme !== "bearer") return demand;
  return { ...demand, request: { ...demand.request, scope: pullScope(repository) } };
}

function pullScope(repository: RepositoryName): string {
  return `repository:${repository}:pull`;
}

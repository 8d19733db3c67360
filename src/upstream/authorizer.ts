import { LRUCache } from "lru-cache";
import type { RepositoryName } from "../oci/repository-name.ts";
import { parseChallenges, type Challenge } from "./challenge.ts";
import { basicAuthorization, type Credentials } from "./credentials.ts";
import type { TokenRequest, Tokens } from "./tokens.ts";
import { UpstreamError } from "./upstream.ts";

/** What a registry wants to see: credentials themselves, or a token from somewhere. */
type Demand = { scheme: "basic" } | { scheme: "bearer"; request: TokenRequest };

/** A bound on memory; clients choose the repository names. */
const maxOwnDemands = 1000;

/**
 * What to put into `authorization` for one endpoint. What it once demanded for some repository it
 * is taken to demand for all, which saves each its 401; a repository's own challenge comes first.
 */
export class Authorizer {
  readonly #tokens: Tokens;
  readonly #credentials: Credentials | undefined;
  readonly #own = new LRUCache<RepositoryName, Demand>({ max: maxOwnDemands });
  #general: Demand | undefined;

  constructor(tokens: Tokens, credentials: Credentials | undefined) {
    this.#tokens = tokens;
    this.#credentials = credentials;
  }

  /** undefined: nothing has been demanded yet, or there is nothing to show. */
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
    this.#own.set(repository, demand);
    this.#general = demand;
    if (demand.scheme === "bearer" && refused?.startsWith("Bearer ")) {
      this.#tokens.drop(demand.request, refused.slice("Bearer ".length));
    }
    const authorization = await this.#meet(demand);
    if (authorization === undefined) {
      throw new UpstreamError("denied", "credentials are wanted, and none are configured");
    }
    if (authorization === refused) throw refusedAuthorization(refused);
    return authorization;
  }

  async #meet(demand: Demand): Promise<string | undefined> {
    if (demand.scheme === "bearer") return `Bearer ${await this.#tokens.get(demand.request)}`;
    return this.#credentials && basicAuthorization(this.#credentials);
  }
}

/** What a 401 means that comes in spite of `authorization`. */
export function refusedAuthorization(authorization: string): UpstreamError {
  return authorization.startsWith("Basic ")
    ? new UpstreamError("credentials", "the registry refused the credentials")
    : new UpstreamError("denied", "the registry refused its own token");
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

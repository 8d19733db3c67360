import { LRUCache } from "lru-cache";
import type { RepositoryName } from "../oci/repository-name.ts";
import type { Authorizer } from "./authorizer.ts";
import { parseChallenges } from "./challenge.ts";
import { followRedirects } from "./redirects.ts";
import { discardBody, type HttpRequest, type HttpResponse, type Transport } from "./transport.ts";

export interface ForeignChallengesOptions {
  transport: Transport;
  /** As nobody. */
  makeAuthorizer: (base: URL) => Authorizer;
}

/** A bound on memory. */
const maxOrigins = 50;

/**
 * Registries may redirect to others (registry.k8s.io to Artifact Registry), which may want a token
 * of their own: one that everybody gets, as no credentials of ours are meant for them.
 */
export class ForeignChallenges {
  readonly #options: ForeignChallengesOptions;
  readonly #authorizers = new LRUCache<string, Authorizer>({ max: maxOrigins });

  constructor(options: ForeignChallengesOptions) {
    this.#options = options;
  }

  /**
   * What comes of answering a 401, or that itself where it names no token server. `request` is the
   * one that was redirected to it, without authorization. Throws UpstreamError.
   */
  async answer(
    refusal: HttpResponse,
    request: HttpRequest,
    repository: RepositoryName,
  ): Promise<HttpResponse> {
    const authorizer = this.#authorizerOf(refusal.url);
    let response = refusal;
    let shown: string | undefined;
    // The second time with a new token, in case that the one in memory had been revoked.
    for (let count = 0; count < 2 && wantsToken(response); count += 1) {
      await discardBody(response);
      const challenge = response.headers["www-authenticate"];
      shown = await authorizer.answerChallenge(repository, challenge, shown);
      const headers = { ...request.headers, authorization: shown };
      response = await this.#send({ ...request, url: refusal.url, headers });
    }
    return response;
  }

  #send(request: HttpRequest): Promise<HttpResponse> {
    const { transport } = this.#options;
    return followRedirects({ ...request, purpose: "content" }, (hop) => transport.send(hop));
  }

  #authorizerOf({ origin }: URL): Authorizer {
    const known = this.#authorizers.get(origin);
    if (known) return known;
    const made = this.#options.makeAuthorizer(new URL(origin));
    this.#authorizers.set(origin, made);
    return made;
  }
}

function wantsToken({ status, headers }: HttpResponse): boolean {
  if (status !== 401) return false;
  return parseChallenges(headers["www-authenticate"]).some(
    ({ scheme, parameters }) => scheme === "bearer" && parameters.has("realm"),
  );
}

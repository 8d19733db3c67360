import { parseChallenges } from "../challenge.ts";
import { networkFailure } from "../network-failure.ts";
import type { Attempt } from "./probe-trail.ts";
import { followRedirects } from "../redirects.ts";
import { isServerTrouble } from "../status-failure.ts";
import { discardBody, type HttpResponse, type Transport } from "../transport.ts";
import { UpstreamError } from "../upstream.ts";

export interface ApiRequest {
  /** Of the endpoint. */
  base: URL;
  transport: Pick<Transport, "send">;
  signal: AbortSignal;
  authorization?: string;
}

/** How the registry answers whoever comes in. */
export interface ApiAnswer {
  /** `WWW-Authenticate`; undefined: it wants nothing. */
  challenge: string | string[] | undefined;
  /** Of who answered: the endpoint, or whoever it redirected to. */
  origin: string;
}

const maxLookedAtBytes = 512;

/** `GET /v2/`, https://github.com/opencontainers/distribution-spec/blob/main/spec.md#determining-support */
export async function askApi(request: ApiRequest): Promise<HttpResponse> {
  const { base, transport, signal, authorization } = request;
  const url = new URL(`${base.href.replace(/\/+$/, "")}/v2/`);
  const headers = authorization === undefined ? {} : { authorization };
  return followRedirects({ method: "GET", url, headers, signal, purpose: "registry" }, (hop) =>
    transport.send(hop.url.origin === base.origin ? hop : { ...hop, purpose: "content" }),
  );
}

/** Throws UpstreamError where no registry answers. */
export async function tryApi(
  request: ApiRequest,
  trust: "full" | "content",
): Promise<Attempt<ApiAnswer>> {
  const response = await askApi(request);
  const { status, url, headers } = response;
  const isPage = status === 200 && (await isWebPage(response));
  await discardBody(response);
  const challenge = status === 401 ? headers["www-authenticate"] : undefined;
  const value = { challenge, origin: url.origin };
  if (trust === "content" && status !== 429 && !isServerTrouble(status)) {
    return { message: `status ${status}; content endpoints need not answer /v2/`, value };
  }
  if (isPage) {
    const words = "sent a web page in answer to /v2/: a captive portal, or the page of a filter?";
    throw new UpstreamError("invalid", `${url.origin}: ${words}`);
  }
  if (status === 200) return { message: "status 200: a registry", value };
  if (status !== 401) throw unexpected(response);
  return { message: `status 401: ${describeDemand(challenge)}`, value };
}

/** Where tokens are to be had; undefined: none is wanted. */
export function findRealm(challenge: ApiAnswer["challenge"]): URL | undefined {
  const bearer = parseChallenges(challenge).find(({ scheme }) => scheme === "bearer");
  return URL.parse(bearer?.parameters.get("realm") ?? "") ?? undefined;
}

function describeDemand(challenge: ApiAnswer["challenge"]): string {
  const realm = findRealm(challenge);
  if (realm) return `it wants a token of ${realm.origin}`;
  if (parseChallenges(challenge).some(({ scheme }) => scheme === "basic")) {
    return "it wants a user name and a password";
  }
  throw new UpstreamError("denied", "status 401 with no challenge we know");
}

function unexpected({ status, url }: HttpResponse): UpstreamError {
  const answer = `${url.origin}: status ${status} in answer to /v2/`;
  if (status === 403 || status === 451) {
    return new UpstreamError("denied", `${answer}: it refuses whoever comes from here`);
  }
  if (status === 429) return new UpstreamError("rate-limited", answer);
  if (isServerTrouble(status)) return new UpstreamError("server-error", answer);
  return new UpstreamError("invalid", `${answer}: this is no registry`);
}

/** Some registries call what they send HTML, whatever it is. */
async function isWebPage({ headers, body, url }: HttpResponse): Promise<boolean> {
  if (!(headers["content-type"] ?? "").startsWith("text/html")) return false;
  let text = "";
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      text += chunk.toString("latin1");
      if (text.length >= maxLookedAtBytes) break;
    }
  } catch (error) {
    throw networkFailure(error, url.origin);
  }
  return text.trimStart().startsWith("<");
}

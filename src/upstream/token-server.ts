import type { Clock } from "../clock.ts";
import { readBoundedBody } from "./bounded-body.ts";
import { basicAuthorization, type Credentials } from "./credentials.ts";
import { followRedirects } from "./redirects.ts";
import { isPlainToken, parseJsonObject } from "./json-object.ts";
import { statusFailure } from "./status-failure.ts";
import type { GrantedToken, TokenRequest } from "./tokens.ts";
import { discardBody, type HttpResponse, type Transport } from "./transport.ts";
import { UpstreamError } from "./upstream.ts";

export interface TokenServerOptions {
  transport: Pick<Transport, "send">;
  /** Those that may go to a realm; undefined: ask it as nobody. */
  credentialsFor: (realm: URL) => Credentials | undefined;
  clock: Clock;
  signal: AbortSignal;
}

const maxAnswerBytes = 1024 * 1024;

/** https://distribution.github.io/distribution/spec/auth/token/: "if omitted, this defaults to 60 seconds". */
const defaultLifeMs = 60_000;

/** How a token server that keeps lists of its clients knows us. */
const clientId = "entrepot";

/**
 * Asks a token server: by GET, which all of them understand, or by POST where there is a refresh
 * token to exchange. Throws UpstreamError: "credentials" when it refuses ours, "denied" when it
 * refuses us. No message and no cause holds any part of a token.
 */
export async function fetchToken(
  request: TokenRequest,
  options: TokenServerOptions,
): Promise<GrantedToken> {
  const realm = parseRealm(request.realm);
  const credentials = options.credentialsFor(realm);
  const response =
    credentials?.kind === "refresh-token"
      ? await exchange(realm, request, credentials.token, options)
      : await ask(realm, request, credentials, options);
  if (response.status !== 200) throw await refusal(response, credentials, options.clock.now());
  return readToken(await readBoundedBody(response, maxAnswerBytes), realm.origin);
}

function parseRealm(realm: string): URL {
  const url = URL.parse(realm);
  if (url && /^https?:$/.test(url.protocol)) return url;
  throw new UpstreamError("invalid", "the token realm is no web address");
}

/** https://distribution.github.io/distribution/spec/auth/token/ */
function ask(
  realm: URL,
  { service, scope }: TokenRequest,
  credentials: Credentials | undefined,
  { transport, signal }: TokenServerOptions,
): Promise<HttpResponse> {
  const url = new URL(realm);
  const headers: Record<string, string> = {};
  if (service !== undefined) url.searchParams.set("service", service);
  url.searchParams.append("scope", scope);
  if (credentials?.kind === "password") {
    url.searchParams.set("account", credentials.username);
    headers["authorization"] = basicAuthorization(credentials);
  }
  return followRedirects({ method: "GET", url, headers, signal, purpose: "token" }, (hop) =>
    transport.send(hop),
  );
}

/**
 * https://distribution.github.io/distribution/spec/auth/oauth/. Follows no redirect: the refresh
 * token is in the body, which would go along.
 */
function exchange(
  url: URL,
  { service, scope }: TokenRequest,
  refreshToken: string,
  { transport, signal }: TokenServerOptions,
): Promise<HttpResponse> {
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    ...(service !== undefined && { service }),
    client_id: clientId,
    scope,
    refresh_token: refreshToken,
  });
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const body = form.toString();
  return transport.send({ method: "POST", url, headers, body, signal, purpose: "token" });
}

async function refusal(
  response: HttpResponse,
  credentials: Credentials | undefined,
  now: number,
): Promise<UpstreamError> {
  const { status, url } = response;
  if (credentials?.kind === "refresh-token" && (status === 404 || status === 405)) {
    await discardBody(response);
    const message = `${url.origin}: takes no refresh tokens (status ${status} to POST); it needs a user name and a password`;
    return new UpstreamError("credentials", message);
  }
  const failure = await statusFailure(response, now);
  if (!credentials || !refusalStatuses[credentials.kind].includes(status)) return failure;
  return new UpstreamError("credentials", `${url.origin}: refused the credentials`);
}

/**
 * 403 is about the repository: ghcr.io answers so for one that does not exist. 400 is what OAuth
 * says of a refresh token that is no longer good: https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
const refusalStatuses: Record<Credentials["kind"], readonly number[]> = {
  password: [401],
  "refresh-token": [400, 401],
  bearer: [],
};

function readToken(body: Buffer, origin: string): GrantedToken {
  const { token, access_token, expires_in } = parseJsonObject(body.toString());
  const text = [token, access_token].find((value) => typeof value === "string" && value !== "");
  if (!isPlainToken(text)) {
    throw new UpstreamError("invalid", `${origin}: token answer without a token`);
  }
  const isLife = typeof expires_in === "number" && expires_in > 0;
  return { token: text, lifeMs: isLife ? expires_in * 1000 : defaultLifeMs };
}

import type { Clock } from "../clock.ts";
import { readBoundedBody } from "./bounded-body.ts";
import { basicAuthorization, type Credentials } from "./credentials.ts";
import { statusFailure } from "./status-failure.ts";
import { followRedirects } from "./redirects.ts";
import type { GrantedToken, TokenRequest } from "./tokens.ts";
import type { HttpResponse, Transport } from "./transport.ts";
import { UpstreamError } from "./upstream.ts";

export interface TokenServerOptions {
  transport: Transport;
  /** Those that may go to a realm; undefined: ask it as nobody. */
  credentialsFor: (realm: URL) => Credentials | undefined;
  clock: Clock;
  signal: AbortSignal;
}

const maxAnswerBytes = 1024 * 1024;

/** https://distribution.github.io/distribution/spec/auth/token/: "if omitted, this defaults to 60 seconds". */
const defaultLifeMs = 60_000;

/**
 * Asks a token server by GET, which all of them understand. Throws UpstreamError: "credentials"
 * when it refuses ours, "denied" when it refuses us. No message and no cause holds any part of a token.
 */
export async function fetchToken(
  request: TokenRequest,
  options: TokenServerOptions,
): Promise<GrantedToken> {
  const url = tokenUrl(request);
  const credentials = options.credentialsFor(url);
  if (credentials) url.searchParams.set("account", credentials.username);
  const headers = credentials ? { authorization: basicAuthorization(credentials) } : {};
  const response = await followRedirects(
    { method: "GET", url, headers, signal: options.signal },
    (hop) => options.transport.send(hop),
  );
  if (response.status !== 200) {
    throw await refusal(response, credentials !== undefined, options.clock.now());
  }
  return readToken(await readBoundedBody(response, maxAnswerBytes), url.origin);
}

function tokenUrl({ realm, service, scope }: TokenRequest): URL {
  const url = URL.parse(realm);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new UpstreamError("invalid", "the token realm is no web address");
  }
  if (service !== undefined) url.searchParams.set("service", service);
  url.searchParams.append("scope", scope);
  return url;
}

async function refusal(
  response: HttpResponse,
  hadCredentials: boolean,
  now: number,
): Promise<UpstreamError> {
  const failure = await statusFailure(response, now);
  // 403 is about the repository: ghcr.io answers so for one that does not exist.
  if (response.status !== 401 || !hadCredentials) return failure;
  return new UpstreamError("credentials", `${response.url.origin}: refused the credentials`);
}

function readToken(body: Buffer, origin: string): GrantedToken {
  const { token, access_token, expires_in } = parseObject(body);
  const text = [token, access_token].find((value) => typeof value === "string" && value !== "");
  if (typeof text !== "string" || !/^[\x21-\x7e]+$/.test(text)) {
    throw new UpstreamError("invalid", `${origin}: token answer without a token`);
  }
  const isLife = typeof expires_in === "number" && expires_in > 0;
  return { token: text, lifeMs: isLife ? expires_in * 1000 : defaultLifeMs };
}

function parseObject(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

import { verify, type KeyObject } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../src/clock.ts";
import type { CloudRoute } from "./fake-cloud.ts";

export interface FakeGoogleOptions {
  /** Of the service account. */
  email: string;
  publicKey: KeyObject;
  audience: string;
  clock: Clock;
}

const scope = "https://www.googleapis.com/auth/devstorage.read_only";

/** Google's token server, for assertions that are right: ya29.1, ya29.2, … */
export function fakeGoogle(options: FakeGoogleOptions): CloudRoute {
  let count = 0;
  return ({ form }) => {
    const isAsked = form.get("grant_type") === "urn:ietf:params:oauth:grant-type:jwt-bearer";
    if (!isAsked || !isRight(form.get("assertion") ?? "", options)) {
      return { status: 400, body: { error: "invalid_grant", error_description: "s3cret" } };
    }
    return {
      body: { access_token: `ya29.${(count += 1)}`, expires_in: 3600, token_type: "Bearer" },
    };
  };
}

/** The metadata server: ya29.m1, ya29.m2, … */
export function fakeMetadata(lifeSeconds: number): CloudRoute {
  let count = 0;
  return ({ headers }) =>
    headers["metadata-flavor"] === "Google"
      ? {
          headers: { "metadata-flavor": "Google" },
          body: { access_token: `ya29.m${(count += 1)}`, expires_in: lifeSeconds },
        }
      : { status: 403 };
}

/** https://developers.google.com/identity/protocols/oauth2/service-account#httprest */
function isRight(
  assertion: string,
  { email, publicKey, audience, clock }: FakeGoogleOptions,
): boolean {
  const [header = "", claims = "", signature = ""] = assertion.split(".");
  const isSigned = verify(
    "RSA-SHA256",
    Buffer.from(`${header}.${claims}`),
    publicKey,
    Buffer.from(signature, "base64url"),
  );
  const now = Math.floor(clock.now() / 1000);
  const wantedHeader = { alg: "RS256", typ: "JWT", kid: "key-1" };
  const wantedClaims = { scope, iss: email, aud: audience, iat: now, exp: now + 3600 };
  return isSigned && isObject(header, wantedHeader) && isObject(claims, wantedClaims);
}

function isObject(encoded: string, wanted: object): boolean {
  const given: unknown = JSON.parse(Buffer.from(encoded, "base64url").toString());
  return isDeepStrictEqual(given, wanted);
}

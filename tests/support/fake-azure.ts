import { UnsecuredJWT } from "jose";
import type { CloudReply, CloudRoute } from "./fake-cloud.ts";

/** Azure's login server and instance endpoint, and a registry that takes their token only. */
export interface FakeAzureOptions {
  tenant: string;
  /** Form fields that the login server wants to see. */
  login: Record<string, string>;
  /** Query parameters that the instance endpoint wants to see. */
  instance: Record<string, string>;
  /** Form fields that the registry wants to see, besides the token. */
  exchange: Record<string, string>;
  /** Of the refresh token. */
  lifeSeconds: number;
}

const token = "azure.fake.token";

export function fakeAzure(options: FakeAzureOptions): Record<string, CloudRoute> {
  const { tenant, login, instance, exchange, lifeSeconds } = options;
  let count = 0;
  const refused: CloudReply = {
    status: 401,
    body: { error: "invalid_client", error_description: "s3cret", error_codes: [7000215] },
  };
  return {
    [`POST /${tenant}/oauth2/v2.0/token`]: ({ form }) =>
      holds(form, { grant_type: "client_credentials", ...login })
        ? { body: { token_type: "Bearer", expires_in: 3599, access_token: token } }
        : refused,
    "GET /metadata/identity/oauth2/token": ({ query, headers }) =>
      holds(query, instance) && headers["metadata"] === "true"
        ? { body: { access_token: token, expires_in: "3599", token_type: "Bearer" } }
        : { status: 400, body: { error: "identity_not_found" } },
    "POST /oauth2/exchange": ({ form }) =>
      holds(form, { grant_type: "access_token", access_token: token, ...exchange })
        ? { body: { refresh_token: refreshToken((count += 1), lifeSeconds) } }
        : { status: 401, body: { errors: [{ code: "UNAUTHORIZED" }] } },
  };
}

/** What it was issued for is the number of its likes. */
function refreshToken(count: number, lifeSeconds: number): string {
  // Of another time than ours: the two are only good for their difference.
  const issuedAt = 1_497_988_712;
  return new UnsecuredJWT({ grant_type: "refresh_token" })
    .setJti(String(count))
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + lifeSeconds)
    .encode();
}

/** Exactly these: what is sent without need is told to somebody without need. */
function holds(given: URLSearchParams, wanted: Record<string, string>): boolean {
  const names = [...given.keys()].toSorted();
  return (
    names.join() === Object.keys(wanted).toSorted().join() &&
    names.every((name) => given.get(name) === wanted[name])
  );
}

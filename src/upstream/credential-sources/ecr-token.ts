import { AwsV4Signer } from "aws4fetch";
import type { Credentials } from "../credentials.ts";
import { plainErrorName, type AwsKeys } from "./aws-keys.ts";
import type { CloudExchange } from "./cloud-access.ts";
import { askCloud, cloudFailure, invalidAnswer, type CloudAnswer } from "./cloud-request.ts";
import type { EcrService } from "./ecr-registry.ts";
import { asObject, findText, parseJsonObject } from "../json-object.ts";
import type { GrantedCredentials } from "./renewed-credentials.ts";

const operations = {
  private: {
    signedFor: "ecr",
    target: "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
  },
  public: {
    signedFor: "ecr-public",
    target: "SpencerFrontendService.GetAuthorizationToken",
  },
} as const;

/** https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_AuthorizationData.html */
const lifeMs = 12 * 60 * 60_000;
const minLifeMs = 60_000;

/** Throws UpstreamError, "credentials" where AWS refuses the keys. */
export async function fetchEcrToken(
  service: EcrService,
  keys: AwsKeys,
  { internet, clock, signal }: CloudExchange,
): Promise<GrantedCredentials> {
  const url = new URL("/", service.apiUrl);
  const body = "{}";
  const headers = await sign({ service, keys, url, body, now: clock.now() });
  const answer = await askCloud(internet, {
    service: "ECR",
    method: "POST",
    url,
    headers,
    body,
    signal,
  });
  const fields = parseJsonObject(answer.text);
  if (answer.status !== 200) {
    throw cloudFailure(answer, plainErrorName(fields["__type"]), clock.now());
  }
  return readGrant(answer, fields, clock.now());
}

async function sign(request: {
  service: EcrService;
  keys: AwsKeys;
  url: URL;
  body: string;
  now: number;
}): Promise<Record<string, string>> {
  const { service, keys, url, body, now } = request;
  const { signedFor, target } = operations[service.kind];
  const { sessionToken, ...lasting } = keys;
  const signer = new AwsV4Signer({
    method: "POST",
    url: url.href,
    headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": target },
    body,
    service: signedFor,
    region: service.region,
    datetime: new Date(now).toISOString().replaceAll(/[:-]|\.\d{3}/g, ""),
    ...lasting,
    ...(sessionToken === undefined ? {} : { sessionToken }),
  });
  const { headers } = await signer.sign();
  return Object.fromEntries(headers.entries());
}

/** One registry's in a list, or for public ones by itself. */
function readGrant(
  answer: CloudAnswer,
  fields: Record<string, unknown>,
  now: number,
): GrantedCredentials {
  const given: unknown = [fields["authorizationData"]].flat()[0];
  const grant = asObject(given);
  const credentials = decode(findText(grant, "authorizationToken") ?? "");
  if (!credentials) throw invalidAnswer(answer, "without a token");
  const endsAt = Number(grant["expiresAt"]) * 1000;
  // A clock that goes wrong must not make every request ask for a token.
  const leftMs = endsAt > 0 ? Math.max(minLifeMs, endsAt - now) : lifeMs;
  return { credentials, lifeMs: Math.min(lifeMs, leftMs) };
}

function decode(token: string): Credentials | undefined {
  const text = Buffer.from(token, "base64").toString();
  const parts = /^([^:\s]+):([\x21-\x7e]+)$/.exec(text);
  if (parts?.[1] === undefined || parts[2] === undefined) return undefined;
  return { kind: "password", username: parts[1], password: parts[2] };
}

import { importPKCS8, SignJWT } from "jose";
import { UpstreamError } from "../upstream.ts";
import type { CloudExchange } from "./cloud-access.ts";
import { askCloudByForm } from "./cloud-request.ts";
import { findText, parseJsonObject } from "../json-object.ts";
import { readAccessToken, type AccessToken } from "./oauth-answer.ts";
import { readSecretFile } from "./secret-file.ts";

interface ServiceAccountKey {
  email: string;
  privateKey: string;
  keyId: string | undefined;
  tokenUrl: URL;
}

/**
 * All that a pull needs, of Container Registry and of Artifact Registry
 * (https://cloud.google.com/container-registry/docs/advanced-authentication,
 * https://cloud.google.com/artifact-registry/docs/integrate-compute).
 */
const scope = "https://www.googleapis.com/auth/devstorage.read_only";

const assertionLifeSeconds = 3600;

/**
 * An access token for a key file
 * (https://developers.google.com/identity/protocols/oauth2/service-account#httprest). `tokenUrl`:
 * in the place of the file's, which must be Google's. Throws UpstreamError.
 */
export async function fetchServiceAccountToken(
  { internet, clock, signal }: CloudExchange,
  keyFile: string,
  tokenUrl: string | undefined,
): Promise<AccessToken> {
  const text = await readSecretFile(keyFile, "Google service account key");
  const key = parseKey(parseJsonObject(text), keyFile, tokenUrl);
  const answer = await askCloudByForm(internet, {
    service: "Google's token server",
    url: key.tokenUrl,
    fields: {
      grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
      assertion: await assertIdentity(key, keyFile, clock.now()),
    },
    signal,
  });
  return readAccessToken(answer, clock.now());
}

function parseKey(
  fields: Record<string, unknown>,
  keyFile: string,
  tokenUrl: string | undefined,
): ServiceAccountKey {
  if (fields["type"] !== "service_account") {
    throw badKey(keyFile, 'is no service account key: its "type" is not "service_account"');
  }
  const email = findText(fields, "client_email");
  const privateKey = findText(fields, "private_key");
  if (email === undefined) throw badKey(keyFile, "has no client_email");
  if (privateKey === undefined) throw badKey(keyFile, "has no private_key");
  const url = tokenUrl === undefined ? findTokenUrl(fields) : URL.parse(tokenUrl);
  if (!url) throw badKey(keyFile, "has a token_uri that is not https on googleapis.com");
  return { email, privateKey, keyId: findText(fields, "private_key_id"), tokenUrl: url };
}

/** Where the signed assertion goes, a hand-made file must not choose freely. */
function findTokenUrl(fields: Record<string, unknown>): URL | null {
  const url = URL.parse(findText(fields, "token_uri") ?? "https://oauth2.googleapis.com/token");
  if (url?.protocol !== "https:" || url.port !== "") return null;
  // Keys made before 2018 name accounts.google.com.
  const isGoogle = /^(.+\.)?googleapis\.com$|^accounts\.google\.com$/.test(url.hostname);
  return isGoogle ? url : null;
}

async function assertIdentity(
  { email, privateKey, keyId, tokenUrl }: ServiceAccountKey,
  keyFile: string,
  now: number,
): Promise<string> {
  const issuedAt = Math.floor(now / 1000);
  try {
    const key = await importPKCS8(privateKey, "RS256");
    return await new SignJWT({ scope })
      .setProtectedHeader({
        alg: "RS256",
        typ: "JWT",
        ...(keyId === undefined ? {} : { kid: keyId }),
      })
      .setIssuer(email)
      .setAudience(tokenUrl.href)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + assertionLifeSeconds)
      .sign(key);
  } catch {
    // The cause might show what it could not read.
    throw badKey(keyFile, "has a private_key that is no RSA key in PKCS #8");
  }
}

function badKey(keyFile: string, problem: string): UpstreamError {
  return new UpstreamError("credentials", `Google service account key: ${keyFile} ${problem}`);
}

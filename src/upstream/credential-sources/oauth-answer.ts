import { cloudFailure, invalidAnswer, type CloudAnswer } from "./cloud-request.ts";
import { asObject, findText, isPlainToken, parseJsonObject } from "../json-object.ts";

export interface AccessToken {
  token: string;
  lifeMs: number;
}

/** https://www.rfc-editor.org/rfc/rfc6749#section-5.2, and what instance endpoints say besides. */
const knownErrors = new Set([
  "invalid_request",
  "invalid_client",
  "invalid_grant",
  "invalid_scope",
  "invalid_resource",
  "unauthorized_client",
  "unsupported_grant_type",
  "access_denied",
  "identity_not_found",
]);

const defaultLifeMs = 60 * 60_000;
const maxLifeMs = 24 * 60 * 60_000;

/** Of a token endpoint's answer. Throws UpstreamError, "credentials" where it refused. */
export function readAccessToken(answer: CloudAnswer, now: number): AccessToken {
  const fields = parseJsonObject(answer.text);
  if (answer.status !== 200) throw cloudFailure(answer, findErrorWord(fields), now);
  const token = findText(fields, "access_token");
  if (!isPlainToken(token)) throw invalidAnswer(answer, "without a token");
  return { token, lifeMs: readLifeMs(fields["expires_in"]) };
}

/** Azure's instance endpoint writes the seconds as text. */
export function readLifeMs(seconds: unknown): number {
  const lifeMs = Number(seconds) * 1000;
  return lifeMs > 0 ? Math.min(lifeMs, maxLifeMs) : defaultLifeMs;
}

/** Only words we know: anything else might repeat what was sent. */
function findErrorWord(fields: Record<string, unknown>): string | undefined {
  const azureCode: unknown = Object.values(asObject(fields["error_codes"]))[0];
  if (typeof azureCode === "number") return `AADSTS${azureCode}`;
  const word = findText(fields, "error");
  return word !== undefined && knownErrors.has(word) ? word : undefined;
}

import { UpstreamError } from "../upstream.ts";
import type { CloudAnswer } from "./cloud-request.ts";
import { isPlainToken, parseJsonObject } from "../json-object.ts";

/** What requests to AWS are signed with. */
export interface AwsKeys {
  accessKeyId: string;
  secretAccessKey: string;
  /** Of keys that run out. */
  sessionToken: string | undefined;
}

/**
 * Checks what was found at `place` (for people). Keys go into headers, and what no header may hold
 * would be told to the log by whoever builds them. Throws UpstreamError "credentials".
 */
export function parseAwsKeys(
  found: { accessKeyId: unknown; secretAccessKey: unknown; sessionToken?: unknown },
  place: string,
): AwsKeys {
  const { accessKeyId, secretAccessKey } = found;
  const sessionToken = found.sessionToken === "" ? undefined : found.sessionToken;
  if (!isPlainToken(accessKeyId)) throw badKey(place, "access key id");
  if (!isPlainToken(secretAccessKey)) throw badKey(place, "secret access key");
  if (sessionToken !== undefined && !isPlainToken(sessionToken)) {
    throw badKey(place, "session token");
  }
  return { accessKeyId, secretAccessKey, sessionToken };
}

/** As the endpoints of container and machine write them. */
export function readEndpointKeys(answer: CloudAnswer): AwsKeys {
  const fields = parseJsonObject(answer.text);
  return parseAwsKeys(
    {
      accessKeyId: fields["AccessKeyId"],
      secretAccessKey: fields["SecretAccessKey"],
      sessionToken: fields["Token"],
    },
    `the answer of ${answer.service}`,
  );
}

/** The name of an error, without its namespace: `com.amazon#AccessDenied`; no other text. */
export function plainErrorName(text: unknown): string | undefined {
  if (typeof text !== "string") return undefined;
  return /^(?:[\w.]+#)?([A-Z][A-Za-z]{2,60})$/.exec(text)?.[1];
}

function badKey(place: string, what: string): UpstreamError {
  return new UpstreamError("credentials", `AWS keys: ${place} has no ${what}, or a malformed one`);
}

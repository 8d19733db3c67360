import { access } from "node:fs/promises";
import { UpstreamError } from "../upstream.ts";
import { parseAwsKeys, type AwsKeys } from "./aws-keys.ts";
import { readSecretFile } from "./secret-file.ts";

type Profile = ReadonlyMap<string, string>;

/** Throws UpstreamError "credentials" where file or profile are not there, or hold no keys. */
export async function readCredentialsFile(path: string, profile: string): Promise<AwsKeys> {
  const profiles = parseProfiles(await readSecretFile(path, "AWS credentials file"));
  const settings = profiles.get(profile);
  const place = `profile "${profile}" of ${path}`;
  if (!settings) throw new UpstreamError("credentials", `AWS keys: there is no ${place}`);
  if (settings.has("aws_access_key_id")) return readKeys(settings, place);
  throw new UpstreamError(
    "credentials",
    `AWS keys: ${place} has no aws_access_key_id; role_arn, credential_process and sso are not supported`,
  );
}

/** undefined: the file, or the profile in it, is not there. */
export async function findInCredentialsFile(
  path: string,
  profile: string,
): Promise<AwsKeys | undefined> {
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (!isThere) return undefined;
  const settings = parseProfiles(await readSecretFile(path, "AWS credentials file")).get(profile);
  if (!settings?.has("aws_access_key_id")) return undefined;
  return readKeys(settings, `profile "${profile}" of ${path}`);
}

/** https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html */
export function parseProfiles(text: string): ReadonlyMap<string, Profile> {
  const profiles = new Map<string, Map<string, string>>();
  let current: Map<string, string> | undefined;
  for (const line of text.split(/\r?\n/)) {
    const section = /^\[(?:profile\s+)?([^\]]+)\]/.exec(line)?.[1]?.trim();
    if (section !== undefined) {
      current = profiles.get(section) ?? new Map<string, string>();
      profiles.set(section, current);
    }
    const setting = /^([a-z_]+)\s*=\s*(\S+)/i.exec(line);
    if (setting?.[1] !== undefined && setting[2] !== undefined) {
      current?.set(setting[1].toLowerCase(), setting[2]);
    }
  }
  return profiles;
}

function readKeys(settings: Profile, place: string): AwsKeys {
  return parseAwsKeys(
    {
      accessKeyId: settings.get("aws_access_key_id"),
      secretAccessKey: settings.get("aws_secret_access_key"),
      sessionToken: settings.get("aws_session_token"),
    },
    place,
  );
}

import { join } from "node:path";
import { UpstreamError } from "../upstream.ts";
import { fetchContainerKeys } from "./aws-container-keys.ts";
import { findInCredentialsFile, readCredentialsFile } from "./aws-credentials-file.ts";
import { fetchInstanceKeys } from "./aws-instance-keys.ts";
import { parseAwsKeys, type AwsKeys } from "./aws-keys.ts";
import { assumeRoleWithWebIdentity } from "./aws-web-identity.ts";
import type { CloudExchange } from "./cloud-access.ts";
import { readSecretFile } from "./secret-file.ts";

/** Files by absolute path. With none of these, the keys are looked for where AWS's own programs do. */
export interface AwsKeyOptions {
  accessKeyId: string | undefined;
  secretAccessKeyFile: string | undefined;
  credentialsFile: string | undefined;
  profile: string | undefined;
}

/** Base URLs without a trailing slash. */
export interface AwsKeyServices {
  sts: string;
  container: string;
  instance: string;
}

type Environment = CloudExchange["environment"];

/**
 * The first that there are: those configured, and nothing else if something is; then environment,
 * web identity, shared credentials file, container and instance endpoint. Throws UpstreamError,
 * "credentials" where there are none; one that is set up and fails hides those behind it.
 */
export async function findAwsKeys(
  options: AwsKeyOptions,
  services: AwsKeyServices,
  exchange: CloudExchange,
): Promise<AwsKeys> {
  const { environment } = exchange;
  const keys =
    (await findConfiguredKeys(options, environment)) ??
    findEnvironmentKeys(environment) ??
    (await assumeRoleWithWebIdentity(exchange, services.sts)) ??
    (await findDefaultFileKeys(environment)) ??
    (await fetchContainerKeys(exchange, services.container)) ??
    (await fetchInstanceKeys(exchange, services.instance));
  if (keys) return keys;
  throw new UpstreamError(
    "credentials",
    "AWS keys: none in configuration, environment, web identity, credentials file and container, and the machine has no role",
  );
}

async function findConfiguredKeys(
  { accessKeyId, secretAccessKeyFile, credentialsFile, profile }: AwsKeyOptions,
  environment: Environment,
): Promise<AwsKeys | undefined> {
  if (accessKeyId !== undefined && secretAccessKeyFile !== undefined) {
    const secretAccessKey = await readSecretFile(secretAccessKeyFile, "AWS secret access key");
    return parseAwsKeys({ accessKeyId, secretAccessKey }, "the configuration");
  }
  if (credentialsFile === undefined && profile === undefined) return undefined;
  const path = credentialsFile ?? defaultFile(environment);
  if (path !== undefined) return readCredentialsFile(path, profile ?? "default");
  throw new UpstreamError(
    "credentials",
    "AWS keys: a profile is configured, but no file that it could be in",
  );
}

function findEnvironmentKeys(environment: Environment): AwsKeys | undefined {
  const accessKeyId = environment["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = environment["AWS_SECRET_ACCESS_KEY"];
  if (!accessKeyId && !secretAccessKey) return undefined;
  const sessionToken = environment["AWS_SESSION_TOKEN"];
  return parseAwsKeys({ accessKeyId, secretAccessKey, sessionToken }, "the environment");
}

async function findDefaultFileKeys(environment: Environment): Promise<AwsKeys | undefined> {
  const path = defaultFile(environment);
  if (path === undefined) return undefined;
  return findInCredentialsFile(path, environment["AWS_PROFILE"] || "default");
}

function defaultFile(environment: Environment): string | undefined {
  const { AWS_SHARED_CREDENTIALS_FILE: named, HOME: home } = environment;
  if (named) return named;
  return home ? join(home, ".aws", "credentials") : undefined;
}

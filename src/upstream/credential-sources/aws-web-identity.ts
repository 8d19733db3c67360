import { UpstreamError } from "../upstream.ts";
import { parseAwsKeys, plainErrorName, type AwsKeys } from "./aws-keys.ts";
import type { CloudExchange } from "./cloud-access.ts";
import { askCloudByForm, cloudFailure } from "./cloud-request.ts";
import { readSecretFile } from "./secret-file.ts";

/**
 * Keys of a role for a token that the cluster wrote into a file
 * (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
 * undefined: the environment names no such file.
 */
export async function assumeRoleWithWebIdentity(
  { internet, environment, clock, signal }: CloudExchange,
  stsUrl: string,
): Promise<AwsKeys | undefined> {
  const path = environment["AWS_WEB_IDENTITY_TOKEN_FILE"];
  if (!path) return undefined;
  const answer = await askCloudByForm(internet, {
    service: "AWS STS",
    url: new URL(stsUrl),
    fields: {
      Action: "AssumeRoleWithWebIdentity",
      Version: "2011-06-15",
      RoleArn: requireRole(environment["AWS_ROLE_ARN"]),
      RoleSessionName: environment["AWS_ROLE_SESSION_NAME"] || "entrepot",
      WebIdentityToken: await readSecretFile(path, "AWS web identity token"),
    },
    signal,
  });
  if (answer.status !== 200) {
    throw cloudFailure(answer, plainErrorName(findElement(answer.text, "Code")), clock.now());
  }
  return readCredentialsElement(answer.text);
}

function requireRole(role: string | undefined): string {
  if (role) return role;
  throw new UpstreamError(
    "credentials",
    "AWS web identity: AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not",
  );
}

function readCredentialsElement(xml: string): AwsKeys {
  const credentials = findElement(xml, "Credentials") ?? "";
  return parseAwsKeys(
    {
      accessKeyId: findElement(credentials, "AccessKeyId"),
      secretAccessKey: findElement(credentials, "SecretAccessKey"),
      sessionToken: findElement(credentials, "SessionToken"),
    },
    "the answer of AWS STS",
  );
}

/** STS answers without attributes, entities and namespaces in the elements that we read. */
function findElement(xml: string, name: string): string | undefined {
  const start = xml.indexOf(`<${name}>`);
  const end = xml.indexOf(`</${name}>`, start);
  if (start === -1 || end === -1) return undefined;
  return xml.slice(start + name.length + 2, end).trim();
}

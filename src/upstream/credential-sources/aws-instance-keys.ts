import { UpstreamError } from "../upstream.ts";
import { readEndpointKeys, type AwsKeys } from "./aws-keys.ts";
import type { CloudExchange } from "./cloud-access.ts";
import { askMachine, cloudFailure, invalidAnswer, type CloudAnswer } from "./cloud-request.ts";
import { isPlainToken, parseJsonObject } from "../json-object.ts";

const service = "the AWS instance endpoint";
const rolesPath = "/latest/meta-data/iam/security-credentials/";

/**
 * Keys of the machine's role, by version 2 of the protocol
 * (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html).
 * undefined: the machine has no role, or this is not to be asked.
 */
export async function fetchInstanceKeys(
  exchange: CloudExchange,
  baseUrl: string,
): Promise<AwsKeys | undefined> {
  if (exchange.environment["AWS_EC2_METADATA_DISABLED"]?.toLowerCase() === "true") {
    return undefined;
  }
  const session = await openSession(exchange, baseUrl);
  const roles = await ask(exchange, new URL(rolesPath, baseUrl), session);
  if (roles.status === 404) return undefined;
  const role = readRole(checkStatus(roles, exchange));
  const keys = await ask(exchange, new URL(rolesPath + role, baseUrl), session);
  return readRoleKeys(checkStatus(keys, exchange));
}

async function openSession(exchange: CloudExchange, baseUrl: string): Promise<string> {
  const answer = await askMachine(exchange.local, {
    service,
    method: "PUT",
    url: new URL("/latest/api/token", baseUrl),
    headers: { "x-aws-ec2-metadata-token-ttl-seconds": "300" },
    signal: exchange.signal,
  });
  const token = checkStatus(answer, exchange).text.trim();
  if (isPlainToken(token)) return token;
  throw invalidAnswer(answer, "without a session token");
}

function ask({ local, signal }: CloudExchange, url: URL, session: string): Promise<CloudAnswer> {
  const headers = { "x-aws-ec2-metadata-token": session };
  return askMachine(local, { service, method: "GET", url, headers, signal });
}

function checkStatus(answer: CloudAnswer, { clock }: CloudExchange): CloudAnswer {
  if (answer.status === 200) return answer;
  throw cloudFailure(answer, undefined, clock.now());
}

function readRole(answer: CloudAnswer): string {
  const role = answer.text.split("\n")[0]?.trim() ?? "";
  if (/^[\w+=,.@-]{1,128}$/.test(role)) return role;
  throw invalidAnswer(answer, "without the name of a role");
}

function readRoleKeys(answer: CloudAnswer): AwsKeys {
  const code = parseJsonObject(answer.text)["Code"];
  // The machine's role may not be assumed: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshoot-iam.html
  if (code !== undefined && code !== "Success") {
    throw new UpstreamError("credentials", `${service}: has no keys for the machine's role`);
  }
  return readEndpointKeys(answer);
}

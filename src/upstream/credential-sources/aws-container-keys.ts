import { UpstreamError } from "../upstream.ts";
import { plainErrorName, readEndpointKeys, type AwsKeys } from "./aws-keys.ts";
import type { CloudExchange } from "./cloud-access.ts";
import { askCloud, cloudFailure } from "./cloud-request.ts";
import { isPlainToken, parseJsonObject } from "../json-object.ts";
import { readSecretFile } from "./secret-file.ts";

/** Where http may be spoken: loopback, and the endpoints of ECS and of EKS. */
const plainHttpHosts =
  /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\]|169\.254\.170\.(2|23)|\[fd00:ec2::23\])$/;

/**
 * Keys of the task's or the pod's role
 * (https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html).
 * undefined: the environment names no endpoint.
 */
export async function fetchContainerKeys(
  { local, environment, clock, signal }: CloudExchange,
  baseUrl: string,
): Promise<AwsKeys | undefined> {
  const url = findEndpoint(environment, baseUrl);
  if (!url) return undefined;
  const authorization = await findAuthorization(environment);
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const service = "the AWS container endpoint";
  const answer = await askCloud(local, { service, method: "GET", url, headers, signal });
  if (answer.status === 200) return readEndpointKeys(answer);
  throw cloudFailure(answer, plainErrorName(parseJsonObject(answer.text)["code"]), clock.now());
}

function findEndpoint(environment: CloudExchange["environment"], baseUrl: string): URL | undefined {
  const path = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"];
  if (path) return checkPath(path, baseUrl);
  const whole = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"];
  return whole ? checkWhole(whole) : undefined;
}

function checkPath(path: string, baseUrl: string): URL {
  const url = path.startsWith("/") ? URL.parse(baseUrl + path) : null;
  if (url) return url;
  throw misconfigured("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is no path that begins with /");
}

function checkWhole(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === "https:") return url;
  if (url?.protocol === "http:" && plainHttpHosts.test(url.hostname)) return url;
  throw misconfigured(
    "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or http on loopback, 169.254.170.2, 169.254.170.23 or [fd00:ec2::23]",
  );
}

/** The file wins over the text. */
async function findAuthorization(
  environment: CloudExchange["environment"],
): Promise<string | undefined> {
  const path = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];
  const text = path
    ? await readSecretFile(path, "AWS container authorization token")
    : environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"];
  if (!text) return undefined;
  // The whole header's value, with a scheme or without.
  if (text.split(" ").every(isPlainToken)) return text;
  throw misconfigured("the authorization token holds what no header may");
}

function misconfigured(problem: string): UpstreamError {
  return new UpstreamError("credentials", `AWS container endpoint: ${problem}`);
}

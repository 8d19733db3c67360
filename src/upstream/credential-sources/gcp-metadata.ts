import type { CloudExchange } from "./cloud-access.ts";
import { askMachine, invalidAnswer } from "./cloud-request.ts";
import { readAccessToken, type AccessToken } from "./oauth-answer.ts";

const tokenPath = "/computeMetadata/v1/instance/service-accounts/default/token";
const flavor = "Google";

/** For the machine's own service account: https://cloud.google.com/compute/docs/access/authenticate-workloads */
export async function fetchMetadataToken(
  { local, clock, signal }: CloudExchange,
  baseUrl: string,
): Promise<AccessToken> {
  const answer = await askMachine(local, {
    service: "the Google metadata server",
    method: "GET",
    url: new URL(tokenPath, baseUrl),
    headers: { "metadata-flavor": flavor },
    signal,
  });
  // Names of .internal may mean something else elsewhere.
  if (answer.headers["metadata-flavor"] !== flavor) {
    throw invalidAnswer(answer, `without "Metadata-Flavor: ${flavor}", and so is none`);
  }
  return readAccessToken(answer, clock.now());
}

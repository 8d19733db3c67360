import { UpstreamError } from "../upstream.ts";
import type { CloudExchange } from "./cloud-access.ts";
import { askCloudByForm, askMachine } from "./cloud-request.ts";
import { readAccessToken, type AccessToken } from "./oauth-answer.ts";
import { readSecretFile } from "./secret-file.ts";

/** With a client secret: a service principal; without: workload identity, else the machine's identity. */
export interface AzureIdentityOptions {
  tenant: string | undefined;
  clientId: string | undefined;
  /** Absolute path. */
  clientSecretFile: string | undefined;
}

export interface AzureServices {
  /** Base URLs without a trailing slash. */
  login: string;
  instance: string;
  resource: string;
}

export interface AzureToken extends AccessToken {
  /** The directory that it is of; undefined: the machine's, which was not told. */
  tenant: string | undefined;
}

/** Throws UpstreamError, "credentials" where Azure refuses the identity. */
export async function fetchAzureToken(
  options: AzureIdentityOptions,
  services: AzureServices,
  exchange: CloudExchange,
): Promise<AzureToken> {
  const { environment } = exchange;
  const tenant = options.tenant ?? (environment["AZURE_TENANT_ID"] || undefined);
  const clientId = options.clientId ?? (environment["AZURE_CLIENT_ID"] || undefined);
  const proof = await findProof(options, environment);
  if (!proof) {
    return { ...(await askInstance(clientId, services, exchange)), tenant: options.tenant };
  }
  const login = { tenant: checkTenant(tenant), clientId: checkClientId(clientId), proof };
  return { ...(await logIn(login, services, exchange)), tenant: login.tenant };
}

/** Form fields that prove the identity; undefined: there is nothing to prove it with. */
async function findProof(
  { clientSecretFile }: AzureIdentityOptions,
  environment: CloudExchange["environment"],
): Promise<Record<string, string> | undefined> {
  if (clientSecretFile !== undefined) {
    return { client_secret: await readSecretFile(clientSecretFile, "Azure client secret") };
  }
  const tokenFile = environment["AZURE_FEDERATED_TOKEN_FILE"];
  if (!tokenFile) return undefined;
  return {
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: await readSecretFile(tokenFile, "Azure federated token"),
  };
}

/** https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow */
async function logIn(
  login: { tenant: string; clientId: string; proof: Record<string, string> },
  { login: defaultUrl, resource }: AzureServices,
  { internet, environment, clock, signal }: CloudExchange,
): Promise<AccessToken> {
  const base = checkAuthority(environment["AZURE_AUTHORITY_HOST"]) ?? defaultUrl;
  const answer = await askCloudByForm(internet, {
    service: "Azure's login server",
    url: new URL(`/${login.tenant}/oauth2/v2.0/token`, base),
    fields: {
      grant_type: "client_credentials",
      client_id: login.clientId,
      scope: `${resource}/.default`,
      ...login.proof,
    },
    signal,
  });
  return readAccessToken(answer, clock.now());
}

/** https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token */
async function askInstance(
  clientId: string | undefined,
  { instance, resource }: AzureServices,
  { local, clock, signal }: CloudExchange,
): Promise<AccessToken> {
  const url = new URL("/metadata/identity/oauth2/token", instance);
  url.searchParams.set("api-version", "2018-02-01");
  url.searchParams.set("resource", resource);
  if (clientId !== undefined) url.searchParams.set("client_id", clientId);
  const answer = await askMachine(local, {
    service: "the Azure instance endpoint",
    method: "GET",
    url,
    headers: { metadata: "true" },
    signal,
  });
  return readAccessToken(answer, clock.now());
}

function checkTenant(tenant: string | undefined): string {
  if (tenant !== undefined && /^[A-Za-z0-9.-]+$/.test(tenant)) return tenant;
  throw misconfigured("set tenant, or AZURE_TENANT_ID, to the directory's id or domain");
}

function checkClientId(clientId: string | undefined): string {
  if (clientId !== undefined) return clientId;
  throw misconfigured("set clientId, or AZURE_CLIENT_ID, to the application's id");
}

/** What workload identity sets in the clouds of nations. */
function checkAuthority(text: string | undefined): string | undefined {
  if (!text) return undefined;
  const url = URL.parse(text);
  if (url?.protocol === "https:") return url.origin;
  throw misconfigured("AZURE_AUTHORITY_HOST is no https address");
}

function misconfigured(problem: string): UpstreamError {
  return new UpstreamError("credentials", `ACR: ${problem}`);
}

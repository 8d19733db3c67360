import { UpstreamError } from "../upstream.ts";

export interface AzureCloud {
  /** Base URL without a trailing slash. */
  login: string;
  /** What the token is for. */
  resource: string;
}

/** By the domain of the registry: https://learn.microsoft.com/azure/container-registry/ */
const clouds = new Map<string, AzureCloud>([
  [
    "azurecr.io",
    {
      login: "https://login.microsoftonline.com",
      // A token for registries only; one for https://management.azure.com is good for much more.
      resource: "https://containerregistry.azure.net",
    },
  ],
  [
    "azurecr.cn",
    {
      login: "https://login.chinacloudapi.cn",
      resource: "https://management.chinacloudapi.cn",
    },
  ],
  [
    "azurecr.us",
    {
      login: "https://login.microsoftonline.us",
      resource: "https://management.usgovcloudapi.net",
    },
  ],
]);

/** Throws UpstreamError "credentials" for another host: what it would be sent is worth something. */
export function findAzureCloud(host: string): AzureCloud {
  const cloud = clouds.get(host.split(".").slice(-2).join("."));
  if (cloud) return cloud;
  const domains = [...clouds.keys()].join(", ");
  throw new UpstreamError("credentials", `ACR: ${host} is no registry of ${domains}`);
}

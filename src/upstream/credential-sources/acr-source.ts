import { decodeJwt } from "jose";
import { findAzureCloud } from "./azure-cloud.ts";
import { fetchAzureToken, type AzureIdentityOptions, type AzureToken } from "./azure-token.ts";
import type { CloudAccess, CloudExchange } from "./cloud-access.ts";
import { askCloudByForm, cloudFailure, invalidAnswer } from "./cloud-request.ts";
import { findText, isPlainToken, parseJsonObject } from "../json-object.ts";
import { readLifeMs } from "./oauth-answer.ts";
import {
  RenewedCredentials,
  renewShortlyBefore,
  type GrantedCredentials,
} from "./renewed-credentials.ts";

export interface AcrSourceOptions extends CloudAccess {
  /** The registry's: `contoso.azurecr.io`. */
  host: string;
  identity: AzureIdentityOptions;
  /** In the place of Azure's own; base URLs without a trailing slash. */
  services?: {
    registry?: string;
    login?: string;
    instance?: string;
  };
}

/** A refresh token of the registry, for an identity in Azure's directory. */
export class AcrSource extends RenewedCredentials {
  constructor({ host, identity, services = {}, ...access }: AcrSourceOptions) {
    super({
      ...access,
      name: "ACR",
      renewAfterMs: renewShortlyBefore,
      fetch: async (signal) => {
        const exchange = { ...access, signal };
        const { login, resource } = findAzureCloud(host);
        const urls = { login, resource, instance: "http://169.254.169.254", ...services };
        const token = await fetchAzureToken(identity, urls, exchange);
        const registry = { host, url: services.registry ?? `https://${host}` };
        return exchangeToken(token, registry, exchange);
      },
    });
  }
}

/** https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md#calling-post-oauth2exchange-to-get-an-acr-refresh-token */
async function exchangeToken(
  { token, tenant }: AzureToken,
  registry: { host: string; url: string },
  { internet, clock, signal }: CloudExchange,
): Promise<GrantedCredentials> {
  const answer = await askCloudByForm(internet, {
    service: "ACR",
    url: new URL("/oauth2/exchange", registry.url),
    fields: {
      grant_type: "access_token",
      service: registry.host,
      access_token: token,
      ...(tenant === undefined ? {} : { tenant }),
    },
    signal,
  });
  if (answer.status !== 200) throw cloudFailure(answer, undefined, clock.now());
  const refreshToken = findText(parseJsonObject(answer.text), "refresh_token");
  if (!isPlainToken(refreshToken)) throw invalidAnswer(answer, "without a refresh token");
  return {
    credentials: { kind: "refresh-token", token: refreshToken },
    lifeMs: lifeOfToken(refreshToken),
  };
}

/** Its own times, one against the other, so that our clock may go wrong; the registry checks them. */
function lifeOfToken(token: string): number {
  try {
    const { iat = NaN, exp = NaN } = decodeJwt(token);
    return readLifeMs(exp - iat);
  } catch {
    return readLifeMs(undefined);
  }
}

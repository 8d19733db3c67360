import type { CloudAccess } from "./cloud-access.ts";
import { fetchMetadataToken } from "./gcp-metadata.ts";
import { fetchServiceAccountToken } from "./gcp-service-account.ts";
import { RenewedCredentials, renewShortlyBefore } from "./renewed-credentials.ts";

export interface GcpSourceOptions extends CloudAccess {
  /** Absolute path of a service account's key; undefined: the machine's own service account. */
  keyFile: string | undefined;
  /** In the place of Google's own. */
  services?: {
    /** The whole URL, in the place of the key file's `token_uri`. */
    token?: string;
    /** Base URL without a trailing slash. */
    metadata?: string;
  };
}

/** User `oauth2accesstoken` and an access token as the password. */
export class GcpSource extends RenewedCredentials {
  constructor({ keyFile, services = {}, ...access }: GcpSourceOptions) {
    const { token: tokenUrl, metadata = "http://metadata.google.internal" } = services;
    super({
      ...access,
      name: "Google Cloud",
      renewAfterMs: renewShortlyBefore,
      fetch: async (signal) => {
        const exchange = { ...access, signal };
        const { token, lifeMs } =
          keyFile === undefined
            ? await fetchMetadataToken(exchange, metadata)
            : await fetchServiceAccountToken(exchange, keyFile, tokenUrl);
        const username = "oauth2accesstoken";
        return { credentials: { kind: "password", username, password: token }, lifeMs };
      },
    });
  }
}

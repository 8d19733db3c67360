import { findAwsKeys, type AwsKeyOptions, type AwsKeyServices } from "./aws-key-chain.ts";
import type { CloudAccess } from "./cloud-access.ts";
import { findEcrService } from "./ecr-registry.ts";
import { fetchEcrToken } from "./ecr-token.ts";
import { RenewedCredentials } from "./renewed-credentials.ts";

export interface EcrSourceOptions extends CloudAccess {
  /** The registry's: `123456789012.dkr.ecr.eu-central-1.amazonaws.com`, `public.ecr.aws`. */
  host: string;
  /** undefined: as the host says. */
  region: string | undefined;
  keys: AwsKeyOptions;
  /** In the place of AWS's own; base URLs without a trailing slash. */
  services?: Partial<AwsKeyServices & { ecr: string }>;
}

const machineServices = {
  container: "http://169.254.170.2",
  instance: "http://169.254.169.254",
};

/** User `AWS` and a password of 12 hours, for AWS keys from wherever they are found each time. */
export class EcrSource extends RenewedCredentials {
  constructor({ host, region, keys, services, ...access }: EcrSourceOptions) {
    super({
      ...access,
      name: "ECR",
      // As docker-credential-ecr-login does.
      renewAfterMs: (lifeMs) => lifeMs / 2,
      fetch: async (signal) => {
        const exchange = { ...access, signal };
        const found = findEcrService(host, region);
        const urls = { ...machineServices, sts: found.stsUrl, ecr: found.apiUrl, ...services };
        const awsKeys = await findAwsKeys(keys, urls, exchange);
        return fetchEcrToken({ ...found, apiUrl: urls.ecr }, awsKeys, exchange);
      },
    });
  }
}

import { UpstreamError } from "../upstream.ts";

/** Which API gives out the tokens of a registry. */
export interface EcrService {
  kind: "private" | "public";
  region: string;
  /** Base URLs without a trailing slash. */
  apiUrl: string;
  stsUrl: string;
}

/** As docker-credential-ecr-login knows them: account, `-fips`, region, domain. */
const privateHost =
  /^\d{12}\.dkr[.-]ecr(?<fips>-fips)?\.(?<region>[a-z0-9-]+)\.(?<domain>amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|on\.aws)$/;

/**
 * https://docs.aws.amazon.com/general/latest/gr/ecr.html. `region`: in the place of what the host
 * says. Throws UpstreamError "credentials" where neither tells.
 */
export function findEcrService(host: string, region: string | undefined): EcrService {
  if (host === "public.ecr.aws") return publicService;
  const parts = privateHost.exec(host)?.groups ?? {};
  const found = region ?? parts["region"];
  if (found === undefined || !/^[a-z0-9-]+$/.test(found)) throw noRegion(host, region);
  const domain = parts["domain"] ?? domainOfRegion(found);
  return {
    kind: "private",
    region: found,
    apiUrl: privateApi(found, domain, parts["fips"] ?? ""),
    stsUrl: `https://sts.${found}.${domain === "on.aws" ? "amazonaws.com" : domain}`,
  };
}

/** Public repositories of all regions are served from this one. */
const publicService: EcrService = {
  kind: "public",
  region: "us-east-1",
  apiUrl: "https://api.ecr-public.us-east-1.amazonaws.com",
  stsUrl: "https://sts.us-east-1.amazonaws.com",
};

function privateApi(region: string, domain: string, fips: string): string {
  if (domain === "on.aws") return `https://ecr${fips}.${region}.api.aws`;
  const name = fips === "" ? "api.ecr" : "ecr-fips";
  return `https://${name}.${region}.${domain}`;
}

function domainOfRegion(region: string): string {
  if (region.startsWith("cn-")) return "amazonaws.com.cn";
  return region.startsWith("eusc-") ? "amazonaws.eu" : "amazonaws.com";
}

function noRegion(host: string, region: string | undefined): UpstreamError {
  const problem = region === undefined ? `${host} does not tell the region` : "the region is none";
  return new UpstreamError("credentials", `ECR: ${problem}; set one, like eu-central-1`);
}

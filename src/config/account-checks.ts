import { parse } from "tldts";
import { isHostPattern } from "../oci/host-patterns.ts";
import { isTree, type Path, type Tree } from "./tree.ts";

/** `path` is within the upstream. */
type Report = (path: Path, message: string) => void;

/** Whether what an upstream logs in with, or shows of itself, fits the registry with this key. */
export function checkAccounts(host: string, settings: Tree, report: Report): void {
  const { credentials, accounts, tls } = settings;
  if (isTree(tls) && tls["certFile"] !== undefined && isAnybodys(host)) {
    report(["tls", "certFile"], `would be shown to anybody, for ${belongsToAnybody(host)}`);
  }
  const several = Array.isArray(accounts) ? accounts : [];
  if (credentials !== undefined && several.length > 0) {
    report(["accounts"], "are there along with credentials; write all of them below accounts");
  }
  checkAccount(host, ["credentials"], credentials, report);
  for (const [index, account] of several.entries()) {
    checkAccount(host, ["accounts", index], account, report);
  }
}

function checkAccount(host: string, path: Path, account: unknown, report: Report): void {
  if (!isTree(account)) return;
  const { ecr, gcp, acr, dockerConfig } = account;
  if (host === "*" && dockerConfig === undefined) {
    report(path, "would go to any host; for * only dockerConfig is possible, which names hosts");
  } else if (isAnybodys(host) && dockerConfig === undefined) {
    report(
      path,
      `would go to anybody, for ${belongsToAnybody(host)}; only dockerConfig is possible`,
    );
  } else if (gcp !== undefined && isHostPattern(host) && !isGoogles(host)) {
    report([...path, "gcp"], `is only for patterns below pkg.dev and gcr.io, and not for ${host}`);
  }
  if (isTree(ecr)) checkEcr(host, [...path, "ecr"], ecr, report);
  if (acr !== undefined && !isAzure(host)) {
    report([...path, "acr"], `is only for registries at azurecr.io, and not for ${host}`);
  }
}

function checkEcr(host: string, path: Path, { region }: Tree, report: Report): void {
  if (region === undefined && !saysRegion(host)) {
    report(path, `needs region, for ${host} does not say it`);
  } else if (region !== undefined && isHostPattern(host) && host !== "*") {
    report(
      [...path, "region"],
      "is not possible for a pattern, where only hosts that say theirs get a token; leave it out",
    );
  }
}

/** The last part of the sentence. */
function belongsToAnybody(host: string): string {
  return host === "*" ? "* is any host" : `everybody can have a host below ${host.slice(2)}`;
}

/** Patterns that let hosts of strangers in: `*`, `*.com`, `*.github.io`. */
function isAnybodys(host: string): boolean {
  if (host === "*") return true;
  if (!isHostPattern(host)) return false;
  const domain = host.slice(2);
  const { publicSuffix, isIcann, isPrivate } = parse(domain, { allowPrivateDomains: true });
  return publicSuffix === domain && (isIcann === true || isPrivate === true);
}

function isGoogles(host: string): boolean {
  return /\.(?:pkg\.dev|gcr\.io)$/.test(host);
}

/** As `123456789012.dkr.ecr.eu-west-1.amazonaws.com` does, and the hosts that a pattern lets in. */
function saysRegion(host: string): boolean {
  if (host === "public.ecr.aws") return true;
  if (!/\.(?:amazonaws\.(?:com|com\.cn|eu)|on\.aws)$/.test(host)) return false;
  return isHostPattern(host) || /^\d{12}\.dkr[.-]ecr(?:-fips)?\.[a-z0-9-]+\.[a-z.]+$/.test(host);
}

/** In each of Azure's clouds. */
function isAzure(host: string): boolean {
  return /\.azurecr\.(?:io|cn|us)$/.test(host);
}

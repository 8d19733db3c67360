import type { Logger } from "pino";
import type { Clock } from "../../clock.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Reference } from "../../oci/reference.ts";
import type { RepositoryName } from "../../oci/repository-name.ts";
import type { CredentialSource } from "../credentials.ts";
import type { AddressGuard } from "../egress/address-guard.ts";
import type { EndpointSettings } from "../open-endpoints.ts";
import type { ProbeFinding } from "./probe-trail.ts";

/** What is pulled a little of. */
export interface ProbeTarget {
  repository: RepositoryName;
  reference: Reference;
  /** Somebody wants this very one: that it is not there is a failure. */
  isAsked: boolean;
}

/** What an endpoint that tags are asked of said, for those that are asked by digest only. */
export interface FoundContent {
  digest: Digest;
  /** undefined: there is none below the manifest, or it could not be read. */
  blob: Descriptor | undefined;
}

export interface ProbeOptions {
  endpoint: EndpointSettings;
  /** Of endpoints with full trust; none: it is asked as nobody. */
  sources: readonly CredentialSource[];
  /** undefined: nothing is known to be there. */
  target: ProbeTarget | undefined;
  /** Of the target; undefined: nobody has said yet. */
  known: FoundContent | undefined;
  /** Hosts that may have the credentials besides the registry's own domain. */
  tokenRealms: readonly string[];
  /** undefined: every address may be reached. */
  guard: AddressGuard | undefined;
  connectTimeoutMs: number;
  responseTimeoutMs: number;
  stallTimeoutMs: number;
  clock: Clock;
  log: Logger;
  onStep: (finding: ProbeFinding) => void;
  signal: AbortSignal;
}

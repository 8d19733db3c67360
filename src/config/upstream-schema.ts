import { z } from "zod";
import { findPatternProblem } from "../oci/name-pattern.ts";
import { parseAddressBlock } from "./address-block.ts";
import { credentials } from "./credentials-schema.ts";
import { egressKeys } from "./egress-schema.ts";
import { parseHost } from "./host.ts";
import { parseSize } from "./units.ts";
import {
  denialText,
  duration,
  endpoint,
  oneOf,
  parsed,
  rateOrOff,
  text,
  tokenRealm,
  wholeNumber,
} from "./values.ts";

const trust = oneOf(["full", "content"]);

/** A URL stands for a mapping with nothing else. */
const endpointEntry = z.union([
  endpoint.transform((url) => ({ url, trust: "full" as const })),
  z.strictObject({ url: endpoint, trust: trust.prefault("full"), ...egressKeys }),
]);

/** Words that already mean something where a prefix stands. */
const takenPrefixes = ["v2", "library", "localhost"];

const prefix = text
  .regex(
    /^[a-z0-9]+(?:(?:_{1,2}|-+)[a-z0-9]+)*$/,
    "is not a prefix; write letters in lower case and digits, separated by - or _, such as hub",
  )
  .max(64, "is too long; up to 64 characters are allowed")
  .refine((written) => !takenPrefixes.includes(written), {
    error: `means something already; write another than ${takenPrefixes.join(", ")}`,
  });

const mirrorHost = parsed(
  parseHost,
  "is not a host; write one of the mirror's own names in lower case, such as hub.mirror.example or hub.mirror.example:5000",
);

const pattern = text.superRefine((written, context) => {
  const problem = findPatternProblem(`registry.example/${written}`);
  if (problem !== undefined)
    context.addIssue(problem.replaceAll("registry/repository", "repository"));
});

const smallestParallelBlob = 1024 * 1024;

const addressBlock = parsed(
  parseAddressBlock,
  "is not a CIDR block; write one such as 10.0.0.0/8 or fd00::/8",
);

const blobSize = parsed(
  parseSize,
  "is not a size; write a number and a unit, such as 32MiB or 1GiB",
).refine((bytes) => bytes >= smallestParallelBlob, {
  error: "is too small; 1MiB or more is allowed",
});

export const upstream = z
  .strictObject({
    endpoints: z.array(endpointEntry).min(1, "is an empty list; write one or more URLs").optional(),
    strategy: oneOf(["ordered", "fastest"]).prefault("ordered"),
    prefix: prefix.optional(),
    hosts: z.array(mirrorHost).prefault([]),
    credentials: credentials.optional(),
    accounts: z.array(credentials).prefault([]),
    tokenRealms: z.array(tokenRealm).prefault([]),
    allow: z.array(pattern).prefault([]),
    deny: z.array(pattern).prefault([]),
    denyMessage: denialText.optional(),
    allowAddresses: z.array(addressBlock).prefault([]),
    ...egressKeys,
    connections: wholeNumber(2, 1024).prefault(32),
    connectionsPerBlob: wholeNumber(1, 16).prefault(4),
    parallelFrom: blobSize.prefault("32MiB"),
    connectTimeout: duration("100ms", "1m").prefault("5s"),
    responseTimeout: duration("100ms", "5m").prefault("15s"),
    stallTimeout: duration("100ms", "10m").prefault("15s"),
    minRate: rateOrOff("1KiB").prefault("64KiB"),
    minRateFor: duration("1s", "5m").prefault("5s"),
    retries: wholeNumber(0, 20).prefault(3),
    maxRetryWait: duration("0s", "5m").prefault("5s"),
  })
  .prefault({});

export type UpstreamSettings = z.output<typeof upstream>;

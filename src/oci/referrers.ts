import { z } from "zod";
import { asDigest } from "./digest.ts";
import { RegistryError } from "./errors.ts";
import type { Manifest } from "./manifest.ts";
import { isIndexType, ociIndex } from "./media-type.ts";
import type { Referrer } from "./referrer.ts";

/** Far more than anybody attaches to one manifest. */
const maxReferrers = 10_000;

const digestSchema = z.string().transform((text, context) => {
  const digest = asDigest(text);
  if (digest !== undefined) return digest;
  context.addIssue({ code: "custom", message: "is no sha256 or sha512 digest" });
  return z.NEVER;
});

const referrerSchema = z.object({
  mediaType: z.string().min(1),
  digest: digestSchema,
  size: z.int().nonnegative(),
  artifactType: z.string().nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
});

/** Registries written in Go send null for what is empty. */
const indexSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().refine(isIndexType, "is no index's").nullish(),
  manifests: z.array(referrerSchema).max(maxReferrers).nullish(),
});

/**
 * The index of the referrers API, or the one that the referrers tag points to. Throws RegistryError
 * MANIFEST_INVALID where it is none, where an entry is no descriptor, and beyond 10,000 of them.
 */
export function parseReferrers(bytes: Uint8Array): Referrer[] {
  const { success, data: index, error } = indexSchema.safeParse(parseJson(bytes));
  if (success) return (index.manifests ?? []).map(toReferrer);
  const [issue] = error.issues;
  const place = issue?.path.join(".");
  const problem = place ? `${place}: ${issue?.message}` : issue?.message;
  throw new RegistryError("MANIFEST_INVALID", `list of referrers is no OCI index: ${problem}`);
}

/** As https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers shows it. */
export function formatReferrers(referrers: readonly Referrer[]): Buffer {
  const index = { schemaVersion: 2, mediaType: ociIndex, manifests: referrers };
  return Buffer.from(JSON.stringify(index));
}

export function filterByArtifactType(
  referrers: readonly Referrer[],
  artifactType: string,
): Referrer[] {
  return referrers.filter((referrer) => referrer.artifactType === artifactType);
}

const describedSchema = z.object({
  artifactType: z.string().min(1).optional().catch(undefined),
  config: z
    .object({ mediaType: z.string().min(1) })
    .optional()
    .catch(undefined),
  annotations: z.record(z.string(), z.string()).optional().catch(undefined),
});

/**
 * What the referrers API says of a manifest: its artifact type, or else its config's media type,
 * and its annotations. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
export function describeReferrer({ mediaType, digest, bytes }: Manifest): Referrer {
  const { artifactType, config, annotations } = describedSchema.parse(parseJson(bytes));
  const kind = artifactType ?? (isIndexType(mediaType) ? undefined : config?.mediaType);
  return toReferrer({ mediaType, digest, size: bytes.length, artifactType: kind, annotations });
}

function toReferrer(described: z.infer<typeof referrerSchema>): Referrer {
  const { mediaType, digest, size, artifactType, annotations } = described;
  return {
    mediaType,
    digest,
    size,
    ...(artifactType && { artifactType }),
    ...(annotations && { annotations }),
  };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new RegistryError("MANIFEST_INVALID", "list of referrers is not JSON", { cause: error });
  }
}

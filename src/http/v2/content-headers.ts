import type { OutgoingHttpHeaders } from "node:http";
import type { Digest } from "../../oci/digest.ts";
import type { BlobStat } from "../../registry/repository.ts";
import { formatEtag } from "../conditions.ts";

type Provenance = Pick<BlobStat, "cache" | "warning" | "ageMs">;

/** Clients show warnings to their user, 4096 bytes of them altogether. */
const maxWarningLength = 1000;

export function digestHeaders(digest: Digest): OutgoingHttpHeaders {
  return { "Docker-Content-Digest": digest, ETag: formatEtag(digest) };
}

/** `Warning` in the form of https://github.com/opencontainers/distribution-spec/blob/main/spec.md#warnings, and `Age`. */
export function stalenessHeaders({ cache, warning, ageMs }: Provenance): OutgoingHttpHeaders {
  if (cache !== "STALE") return {};
  return {
    ...(warning !== undefined && { Warning: `299 - "${quotable(warning)}"` }),
    ...(ageMs !== undefined && { Age: Math.max(0, Math.floor(ageMs / 1000)) }),
  };
}

function quotable(text: string): string {
  const printable = text.slice(0, maxWarningLength).replaceAll(/[^\x20-\x7e]/g, "?");
  return printable.replaceAll(/["\\]/g, "\\$&");
}

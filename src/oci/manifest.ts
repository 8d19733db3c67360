import type { Descriptor } from "./descriptor.ts";
import { asDigest, type Digest } from "./digest.ts";
import { RegistryError } from "./errors.ts";
import { bareMediaType, isIndexType, isManifestType, ociIndex, ociManifest } from "./media-type.ts";
import type { Platform } from "./platform.ts";

/** A manifest or index as it goes over the wire: these bytes have this digest. */
export interface Manifest {
  digest: Digest;
  /** Bare: no parameters. */
  mediaType: string;
  bytes: Uint8Array;
}

/** What a manifest says of itself. */
export interface ManifestContent {
  mediaType: string;
  /** Config and layers of a manifest. */
  blobs: Descriptor[];
  /** Children of an index. */
  manifests: Descriptor[];
  /** The manifest that this one is about: it is a referrer of it. */
  subject: Digest | undefined;
}

/** Manifests are read whole; registries must take 4 MiB, and nobody publishes beyond this. */
export const maxManifestBytes = 16 * 1024 * 1024;

/**
 * Reads what a registry sent as `contentType`. That gives way to the type the document names, which
 * its digest proves; and if it is not a manifest's (`text/plain`, `application/json`, none: seen at
 * registry.access.redhat.com and others) to what its shape shows. Throws RegistryError
 * MANIFEST_INVALID, for example on a captive portal's HTML, on schema 1, and on what could be read
 * as manifest and as index (https://github.com/opencontainers/image-spec/security/advisories/GHSA-77vh-xpmg-72qh).
 */
export function parseManifest(bytes: Uint8Array, contentType: string): ManifestContent {
  const document = parseObject(bytes);
  if (document["schemaVersion"] !== 2) {
    throw new RegistryError("MANIFEST_INVALID", "manifest is not of schema version 2");
  }
  const mediaType = chooseMediaType(document, bareMediaType(contentType));
  checkShape(document, isIndexType(mediaType));
  const subject = readSubject(document["subject"]);
  if (isIndexType(mediaType)) {
    return { mediaType, blobs: [], manifests: readDescriptors(document["manifests"]), subject };
  }
  const config = document["config"] === undefined ? [] : readDescriptors([document["config"]]);
  const blobs = [...config, ...readDescriptors(document["layers"])];
  return { mediaType, blobs, manifests: [], subject };
}

function parseObject(bytes: Uint8Array): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new RegistryError("MANIFEST_INVALID", "manifest is not JSON", { cause: error });
  }
  if (!isObject(document))
    throw new RegistryError("MANIFEST_INVALID", "manifest is not a JSON object");
  return document;
}

function chooseMediaType(document: Record<string, unknown>, sent: string): string {
  const named = document["mediaType"];
  if (typeof named === "string" && isManifestType(named)) return named;
  if (isManifestType(sent)) return sent;
  if (Array.isArray(document["manifests"])) return ociIndex;
  if (Array.isArray(document["layers"])) return ociManifest;
  throw new RegistryError("MANIFEST_INVALID", "document is neither a manifest nor an index");
}

function checkShape(document: Record<string, unknown>, isIndex: boolean): void {
  const foreign = isIndex ? ["config", "layers"] : ["manifests"];
  if (foreign.every((key) => document[key] === undefined || document[key] === null)) return;
  const kinds = isIndex ? "an index has no config and layers" : "a manifest has no manifests";
  throw new RegistryError("MANIFEST_INVALID", `manifest is not of its type: ${kinds}`);
}

function readDescriptors(value: unknown): Descriptor[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value))
    throw new RegistryError("MANIFEST_INVALID", "manifest holds no list of descriptors");
  return value.map(readDescriptor);
}

function readDescriptor(value: unknown): Descriptor {
  const { mediaType, digest: text, size } = isObject(value) ? value : {};
  const digest = typeof text === "string" ? asDigest(text) : undefined;
  const isSize = typeof size === "number" && Number.isSafeInteger(size) && size >= 0;
  if (digest === undefined || !isSize) {
    throw new RegistryError(
      "MANIFEST_INVALID",
      "manifest holds a descriptor without digest or size",
    );
  }
  const platform = isObject(value) ? readPlatform(value["platform"]) : undefined;
  return {
    mediaType: typeof mediaType === "string" ? mediaType : "",
    digest,
    size,
    ...(platform && { platform }),
  };
}

/** One that cannot be understood counts as none: what it says is a hint only. */
function readPlatform(value: unknown): Platform | undefined {
  const { os, architecture, variant } = isObject(value) ? value : {};
  if (typeof os !== "string" || typeof architecture !== "string") return undefined;
  return { os, architecture, ...(typeof variant === "string" && variant !== "" && { variant }) };
}

/** What is no descriptor names no subject; the manifest is stored all the same. */
function readSubject(value: unknown): Digest | undefined {
  const { digest } = isObject(value) ? value : {};
  return typeof digest === "string" ? asDigest(digest) : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

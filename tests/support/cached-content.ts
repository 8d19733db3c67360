import { access, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { digestHex } from "../../src/oci/digest.ts";
import { parseNamePattern } from "../../src/oci/name-pattern.ts";
import { parsePullName } from "../../src/oci/pull-name.ts";
import type { Rule } from "../../src/registry/rule-book.ts";
import type { TestBlob, TestImage } from "./images.ts";
import { blobFile, partialFile } from "./storage-files.ts";
import type { RegistryParts } from "./registry-parts.ts";

type Storage = Pick<RegistryParts, "storage" | "metadata">;

/** A blob in place, last used then. */
export async function storeBlob(
  { storage, metadata }: Storage,
  { digest, bytes }: TestBlob,
  usedAt: number,
): Promise<void> {
  const path = blobFile(storage, digest);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
  await metadata.saveBlob(digest, { size: bytes.length, checkedAt: usedAt }, usedAt);
}

/** An image with its blobs, as a pull at that time leaves it. `name` as people pull: `node:24`. */
export async function storeImage(
  parts: Storage,
  name: string,
  { manifest, config, layers }: TestImage,
  usedAt: number,
): Promise<void> {
  const { repository, reference } = parsePullName(name);
  const references = [config, ...layers].map(({ mediaType, digest, bytes }) => {
    return { mediaType, digest, size: bytes.length };
  });
  const save = { repository, manifest, references, subject: undefined, at: usedAt };
  await parts.metadata.saveManifest(save);
  if (reference.kind === "tag") {
    await parts.metadata.saveTag(repository, reference.tag, manifest.digest, usedAt);
  }
  for (const blob of [config, ...layers]) await storeBlob(parts, blob, usedAt);
}

/** What a download left that broke off after so many bytes; its file's time is the present. */
export async function leavePartial(
  { storage }: Pick<RegistryParts, "storage">,
  { digest, bytes }: TestBlob,
  present: number,
): Promise<void> {
  const path = partialFile(storage, digest);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes.subarray(0, present));
  const record = { size: bytes.length, extents: [[0, present]] };
  await writeFile(`${path}.json`, JSON.stringify(record));
}

export async function leaveQuarantined(
  { storage }: Pick<RegistryParts, "storage">,
  { digest, bytes }: TestBlob,
): Promise<void> {
  const path = join(storage, "quarantine", `sha256-${digestHex(digest)}`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

export function isOnDisk({ storage }: Pick<RegistryParts, "storage">, { digest }: TestBlob) {
  return access(blobFile(storage, digest)).then(
    () => true,
    () => false,
  );
}

export function rule(pattern: string, settings: Omit<Rule, "pattern" | "place">): Rule {
  return { pattern: parseNamePattern(pattern), place: "mirror.config.yaml:7", ...settings };
}

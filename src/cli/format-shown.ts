import type {
  BlobEntry,
  BlobNode,
  ManifestNode,
  PinEntry,
  Shown,
  TagState,
} from "../registry/operations/operations.ts";
import { formatAge, formatTime } from "./format-age.ts";
import { formatCount, formatSize } from "./format-size.ts";
import { formatFacts, toPrintable, type Fact } from "./format-table.ts";
import { formatTree, type TreeNode } from "./format-tree.ts";

const freshness: Record<TagState["freshness"], string> = {
  fresh: "fresh",
  revalidate: "to be confirmed at the next request",
  expired: "too old to be served without upstream",
  immutable: "never asked about again, by a rule",
};

export function formatShown(shown: Shown, now: number): string[] {
  const { name, upstream, tag, manifest, blob, otherTags } = shown;
  const facts = formatFacts([
    ["from", upstream],
    ["points to", tag?.digest],
    ["state", tag && formatFreshness(tag, now)],
    ["confirmed", tag && formatAge(tag.checkedAt, now)],
    ["moved", tag && formatAge(tag.changedAt, now)],
    ["used", manifest && formatAge(manifest.usedAt, now)],
    ["here", manifest && formatPresence(manifest)],
    ...(blob ? describeBlobEntry(blob, now) : []),
    ["pinned", formatPins(shown)],
    [tag ? "also" : "tags", otherTags.length === 0 ? undefined : otherTags.join(", ")],
  ]);
  return [toPrintable(name), ...facts.map((line) => `  ${line}`), ...formatContent(shown, now)];
}

/** `docker.io/library/node:24, until 2026-03-01T12:00:00Z (for the release)` */
export function describePin({ name, until, note }: PinEntry): string {
  const end = until === undefined ? "" : `, until ${formatTime(until)}`;
  return `${name}${end}${note === undefined ? "" : ` (${note})`}`;
}

function formatContent({ manifest, blob }: Shown, now: number): string[] {
  if (blob) return [];
  if (manifest) return ["", ...formatTree(describeManifest(manifest, now))];
  return ["", "its manifest is not here any more; it is fetched at the next request"];
}

function describeBlobEntry(blob: BlobEntry, now: number): Fact[] {
  const { size, createdAt, usedAt, checkedAt, repositories } = blob;
  return [
    ["blob of", repositories.length === 0 ? "no repository" : repositories.join(", ")],
    ["size", formatSize(size)],
    ["came", formatAge(createdAt, now)],
    ["used", formatAge(usedAt, now)],
    ["verified", formatAge(checkedAt, now)],
  ];
}

function formatFreshness({ freshness: state, freshUntil }: TagState, now: number): string {
  if (state !== "fresh" || freshUntil === undefined) return freshness[state];
  return `fresh, to be confirmed ${formatAge(freshUntil, now)}`;
}

function formatPins({ pins, pinnedByRules }: Shown): string | undefined {
  const reasons = [
    ...pins.map((pin) => `by ${describePin(pin)}`),
    ...pinnedByRules.map((rule) => `by the rule ${rule}`),
  ];
  return reasons.length === 0 ? undefined : reasons.join("; ");
}

/** Each blob counts once, however many manifests share it. */
function formatPresence(root: ManifestNode): string {
  const blobs = new Map(listBlobs(root).map((blob) => [blob.digest, blob]));
  const present = [...blobs.values()].filter((blob) => blob.present);
  return `${present.length} of ${formatCount(blobs.size, "blob")}, ${formatSize(sumSizes(present))}`;
}

function listBlobs({ blobs, manifests, referrers }: ManifestNode): BlobNode[] {
  return [...blobs, ...manifests.flatMap(listBlobs), ...referrers.flatMap(listBlobs)];
}

function sumSizes(blobs: BlobNode[]): number {
  return blobs.reduce((sum, { size }) => sum + size, 0);
}

function describeManifest(node: ManifestNode, now: number, kind = kindOf(node)): TreeNode {
  const { digest, platform, size, present, usedAt, blobs, manifests, referrers } = node;
  const parts = [
    platform ?? kind,
    digest,
    size === undefined ? undefined : formatSize(size),
    present ? `used ${formatAge(usedAt, now)}` : "not here",
  ];
  return {
    text: joinKnown(parts),
    children: [
      ...manifests.map((child) => describeManifest(child, now)),
      ...blobs.map(describeBlob),
      ...referrers.map((child) => describeManifest(child, now, "referrer")),
    ],
  };
}

function describeBlob({ digest, mediaType, size, present }: BlobNode): TreeNode {
  const parts = [roleOf(mediaType), digest, formatSize(size), present ? undefined : "not here"];
  return { text: joinKnown(parts), children: [] };
}

function kindOf({ mediaType, manifests }: ManifestNode): string {
  const isIndex = /index|manifest\.list/.test(mediaType) || manifests.length > 0;
  return isIndex ? "index" : "manifest";
}

function roleOf(mediaType: string): string {
  if (mediaType.includes("config") || mediaType.includes("container.image.v1+json"))
    return "config";
  return /layer|diff\.tar/.test(mediaType) ? "layer" : "blob";
}

function joinKnown(parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join("  ");
}

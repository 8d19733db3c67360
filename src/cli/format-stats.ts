import type { DownloadEntry, Stats } from "../registry/operations/operations.ts";
import { formatAge, formatSpan, formatTime } from "./format-age.ts";
import { formatCount, formatShare, formatSize } from "./format-size.ts";
import { formatFacts, formatTable } from "./format-table.ts";
import { shortenDigest } from "./short-digest.ts";

/** Sections with a title each. */
export function formatStats(stats: Stats, now: number): string[] {
  const { traffic, topRepositories, downloads } = stats;
  const sections = [
    section("Server", [describeServer(stats, now)]),
    section("Space", describeSpace(stats)),
    section("In the cache", describeCounts(stats)),
    section(`Traffic since ${formatTime(traffic.since)}`, describeTraffic(stats)),
    section("Most asked for", describeTop(topRepositories)),
    section("Downloading now", describeDownloads(downloads, now)),
    section("Integrity", describeIntegrity(stats, now)),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .flatMap((lines, index) => (index === 0 ? lines : ["", ...lines]));
}

function section(title: string, lines: string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)];
}

function describeServer({ runningSince }: Stats, now: number): string {
  if (runningSince === undefined) return "not running; the counts are those it wrote down";
  return `running for ${formatSpan(now - runningSince)}`;
}

function describeSpace({ space }: Stats): string[] {
  const { blobs, blobBytes, partialBytes, quarantinedBytes, maxBytes } = space;
  const used = blobBytes + partialBytes + quarantinedBytes;
  const limit =
    maxBytes === undefined
      ? "no limit"
      : `${formatShare(used, maxBytes)} of ${formatSize(maxBytes)}`;
  return formatFacts([
    ["used", `${formatSize(used)} (${limit})`],
    ["blobs", `${formatSize(blobBytes)} in ${formatCount(blobs, "blob")}`],
    ["partial", formatSize(partialBytes)],
    ["quarantined", quarantinedBytes === 0 ? undefined : formatSize(quarantinedBytes)],
    [
      "disk",
      `${formatSize(space.diskFree)} free of ${formatSize(space.diskTotal)}, ${formatSize(space.minFree)} kept free`,
    ],
  ]);
}

function describeCounts({ counts }: Stats): string[] {
  const { repositories, tags, manifests, manifestBytes, pins } = counts;
  return formatFacts([
    ["repositories", repositories.toLocaleString("en-US")],
    ["tags", tags.toLocaleString("en-US")],
    ["manifests", `${manifests.toLocaleString("en-US")} (${formatSize(manifestBytes)})`],
    ["pins", pins.toLocaleString("en-US")],
  ]);
}

function describeTraffic({ traffic }: Stats): string[] {
  const { requests, errors, hits, bytes, hitBytes, fetchedBytes, savedBytes } = traffic;
  return formatFacts([
    [
      "requests",
      `${requests.toLocaleString("en-US")}, ${formatShare(hits, requests)} from the cache`,
    ],
    ["errors", errors === 0 ? undefined : `${errors.toLocaleString("en-US")} requests besides`],
    ["sent", `${formatSize(bytes)}, ${formatShare(hitBytes, bytes)} from the cache`],
    ["fetched", `${formatSize(fetchedBytes)} from upstream`],
    ["saved", formatSize(savedBytes)],
  ]);
}

function describeTop(repositories: Stats["topRepositories"]): string[] {
  if (repositories.length === 0) return [];
  return formatTable(
    [
      { title: "REPOSITORY", format: ({ name }) => name },
      {
        title: "REQUESTS",
        align: "right",
        format: ({ requests }) => requests.toLocaleString("en-US"),
      },
      { title: "SENT", align: "right", format: ({ bytes }) => formatSize(bytes) },
    ],
    repositories,
  );
}

function describeDownloads(downloads: DownloadEntry[], now: number): string[] {
  if (downloads.length === 0) return [];
  return formatTable(
    [
      { title: "BLOB", format: ({ digest }) => shortenDigest(digest) },
      { title: "RECEIVED", align: "right", format: describeReceived },
      { title: "STARTED", format: ({ startedAt }) => formatAge(startedAt, now) },
      { title: "REPOSITORY", format: ({ repository }) => repository },
    ],
    downloads,
  );
}

function describeReceived({ received, size }: DownloadEntry): string {
  if (size === undefined) return formatSize(received);
  return `${formatSize(received)} of ${formatSize(size)}`;
}

function describeIntegrity({ integrity }: Stats, now: number): string[] {
  const { uncheckedBlobs, oldestCheck, damagedSinceStart } = integrity;
  return formatFacts([
    ["oldest check", oldestCheck === undefined ? undefined : formatAge(oldestCheck, now)],
    ["never checked", formatCount(uncheckedBlobs, "blob")],
    ["damaged", `${formatCount(damagedSinceStart, "blob")} since the start`],
  ]);
}

import type { PrefetchProgress, PrefetchReport } from "../registry/operations/operations.ts";
import { formatSpan } from "./format-age.ts";
import { formatCount, formatSize } from "./format-size.ts";
import { toPrintable } from "./format-table.ts";
import type { Amount, NameProgress, Progress, RunningBlob } from "./progress.ts";
import { shortenDigest } from "./short-digest.ts";

interface Terminal {
  /** In characters. */
  width: number;
  /** Of the clock that the progress was noted by. */
  now: number;
}

const barWidth = 20;

/** A line for each name and each blob on its way, none longer than the terminal is wide. */
export function formatLive(progress: Progress, terminal: Terminal): string[] {
  return [
    ...progress.names.map((name) => formatName(name, terminal)),
    ...progress.running.map((blob) => formatBlob(blob, terminal)),
  ];
}

/** For a log: a line where something begins or ends; undefined: nothing does. */
export function formatEvent(event: PrefetchProgress, name: NameProgress): string | undefined {
  if (event.kind === "name") return toPrintable(`${event.name}: ${describeName(event, name)}`);
  const digest = shortenDigest(event.digest);
  if (event.state === "done") return `${event.name}: ${digest}, ${formatSize(event.size)}, fetched`;
  if (event.state !== "failed") return undefined;
  return toPrintable(`${event.name}: ${digest} failed: ${event.problem}`);
}

/** What came of it, in the end. */
export function formatReport(report: PrefetchReport): string[] {
  const { names, blobs, fetchedBytes, presentBytes } = report;
  const told = names.flatMap(({ name, problem }) =>
    problem === undefined ? [] : [toPrintable(`${name}: ${problem}`)],
  );
  const complete = names.filter((name) => name.complete).length;
  const [fetched, present] = [formatSize(fetchedBytes), formatSize(presentBytes)];
  const sum = `${formatCount(blobs, "blob")}, ${fetched} fetched, ${present} here before`;
  return [...told, `${complete} of ${formatCount(names.length, "name")} complete: ${sum}`];
}

function describeName(
  { state, problem }: Extract<PrefetchProgress, { kind: "name" }>,
  { blobs, size }: NameProgress,
): string {
  if (state === "resolving") return "begins";
  if (state === "failed") return `failed: ${problem}`;
  const note = problem === undefined ? "" : ` (${problem})`;
  return `done, ${formatCount(blobs, "blob")}, ${formatSize(size)}${note}`;
}

function formatName(name: NameProgress, terminal: Terminal): string {
  if (name.blobs === 0) return fit([`${name.name}  resolving`, name.name], terminal.width);
  const blobs = `${name.doneBlobs} of ${formatCount(name.blobs, "blob")}`;
  const [amount, pace] = describeAmount(name, terminal.now);
  return fit(
    [
      [name.name, blobs, amount, ...pace].join("  "),
      [name.name, amount, ...pace.slice(1)].join("  "),
      [name.name, amount].join("  "),
      name.name,
    ],
    terminal.width,
  );
}

function formatBlob(blob: RunningBlob, terminal: Terminal): string {
  const digest = `  ${shortenDigest(blob.digest)}`;
  const [amount, pace] = describeAmount(blob, terminal.now);
  return fit(
    [
      [digest, formatBar(blob), amount, ...pace].join("  "),
      [digest, amount, ...pace].join("  "),
      [digest, amount, ...pace.slice(1)].join("  "),
      [digest, amount].join("  "),
      `  ${amount}`,
    ],
    terminal.width,
  );
}

/** How much is here, and if that can be told, how fast it comes and how long it will take. */
function describeAmount({ received, size, meter }: Amount, now: number): [string, string[]] {
  const amount = `${formatSize(received)}/${formatSize(size)}`;
  const rate = meter.rate(now);
  if (rate === undefined) return [amount, []];
  const secondsLeft = Math.ceil((size - received) / rate);
  const left = rate > 0 ? [`${formatSpan(secondsLeft * 1000)} left`] : [];
  return [amount, [`${formatSize(rate)}/s`, ...left]];
}

function formatBar({ received, size }: Amount): string {
  const filled = size === 0 ? barWidth : Math.floor((received / size) * barWidth);
  return `[${"=".repeat(filled).padEnd(barWidth)}]`;
}

/** The first that fits, else as much of the last as does. */
function fit(variants: string[], width: number): string {
  const last = variants.at(-1) ?? "";
  return variants.find((line) => line.length <= width) ?? last.slice(0, Math.max(0, width));
}

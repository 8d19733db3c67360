import type { ProbeReport, ProbeStep } from "../registry/operations/operations.ts";
import { toPrintable } from "./format-table.ts";

const stepWidth = "manifest".length;
const outcomeWidth = "skipped".length;
const timeWidth = "12345 ms".length;

/** A line, below one that names the endpoint where that is another than before. */
export function formatStep(step: ProbeStep, before: ProbeStep | undefined): string[] {
  const { upstream, endpoint, outcome, tookMs, message } = step;
  const isSame = before?.upstream === upstream && before.endpoint === endpoint;
  const title = isSame ? [] : [`${upstream}  ${endpoint}`];
  const time = tookMs === undefined ? "" : `${tookMs} ms`;
  const columns = [
    step.step.padEnd(stepWidth),
    outcome.padEnd(outcomeWidth),
    time.padStart(timeWidth),
    message,
  ];
  return [...title, `  ${columns.join("  ")}`].map(toPrintable);
}

/** What came of it, a line for each upstream. */
export function formatVerdicts({ upstreams }: ProbeReport): string[] {
  return upstreams.map(({ host, ok }) =>
    toPrintable(
      ok ? `${host}: ok` : `${host}: failed: no endpoint with full trust passed all steps`,
    ),
  );
}

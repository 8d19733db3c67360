import type { Figure, Section } from "./figure.ts";
import { us } from "./peers/contender.ts";
import { isPeerName } from "./peers/peers.ts";

/** Markdown, as prettier would leave it. */
export function formatSection({ work, title, figures }: Section): string {
  const columns = [...new Set(figures.flatMap(({ values }) => Object.keys(values)))];
  const compared = columns.includes(us) ? columns.filter(isPeerName) : [];
  const hasTargets = figures.some(({ target }) => target !== undefined);
  const heads = [
    work,
    ...columns,
    ...compared.map((peer) => `of ${peer}`),
    ...(hasTargets ? ["target", "met"] : []),
  ];
  const rows = figures.map((figure) => [
    figure.what,
    ...columns.map((column) => formatNumber(figure.values[column])),
    ...compared.map((peer) => formatNumber(ratioTo(figure, peer))),
    ...(hasTargets ? [figure.target?.text ?? "", formatMet(figure)] : []),
  ]);
  return `### ${title}\n\n${formatTable(heads, rows)}\n`;
}

/** Text in the first column and in those of the target, numbers in between. */
function formatTable(heads: string[], rows: string[][]): string {
  const widths = heads.map((head, index) =>
    Math.max(3, head.length, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  const isText = heads.map((head, index) => index === 0 || head === "target" || head === "met");
  const line = (cells: string[]) =>
    `| ${cells.map((cell, index) => pad(cell, widths[index] ?? 0, isText[index])).join(" | ")} |`;
  const rule = widths.map((width, index) =>
    isText[index] ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return [line(heads), `| ${rule.join(" | ")} |`, ...rows.map(line)].join("\n");
}

function pad(cell: string, width: number, isText: boolean | undefined): string {
  return isText ? cell.padEnd(width) : cell.padStart(width);
}

/** Three digits that count, and all of a large number. */
function formatNumber(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  if (Number.isInteger(value) || Math.abs(value) >= 100) return String(Math.round(value));
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

function ratioTo({ values }: Figure, peer: string): number | undefined {
  const { [us]: ours, [peer]: theirs } = values;
  const isComparable = ours !== undefined && theirs !== undefined && theirs > 0;
  return isComparable ? ours / theirs : undefined;
}

function formatMet({ target, values }: Figure): string {
  if (!target) return "";
  const isMet = target.isMet(values);
  if (isMet === undefined) return "?";
  return isMet ? "yes" : "**no**";
}

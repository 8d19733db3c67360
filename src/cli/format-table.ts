export interface Column<Row> {
  title: string;
  /** Numbers and sizes stand right. */
  align?: "right";
  format: (row: Row) => string;
}

const gap = "  ";

/** A line of titles and one a row, aligned. */
export function formatTable<Row>(columns: Column<Row>[], rows: Row[]): string[] {
  const cells = rows.map((row) => columns.map(({ format }) => toPrintable(format(row))));
  const titles = columns.map(({ title }) => title);
  const all = [titles, ...cells];
  const widths = columns.map((_, index) => widest(all, index));
  return all.map((line) => {
    const padded = line.map((cell, index) => {
      const width = widths[index] ?? 0;
      return columns[index]?.align === "right" ? cell.padStart(width) : cell.padEnd(width);
    });
    return padded.join(gap).trimEnd();
  });
}

export type Fact = [name: string, value: string | undefined];

/** `name  value` lines, aligned; those without a value are left out. */
export function formatFacts(facts: Fact[]): string[] {
  const known = facts.filter((fact): fact is [string, string] => fact[1] !== undefined);
  const width = widest(known, 0);
  return known.map(([name, value]) => `${name.padEnd(width)}${gap}${toPrintable(value)}`);
}

/** What came from outside may hold what a terminal obeys. */
export function toPrintable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, "?");
}

/** Not by spreading into Math.max: a cache has more rows than a call takes arguments. */
function widest(lines: string[][], index: number): number {
  return lines.reduce((width, line) => Math.max(width, line[index]?.length ?? 0), 0);
}

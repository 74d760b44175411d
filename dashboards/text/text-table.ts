/** A table for the terminal: the first column to the left, numbers to the right. No row is wider than it may be. */

const GAP = '  ';
/** Of the width, for the first column at most. */
const FIRST_SHARE = 0.4;

/**
 * Lines of the table; every row has as many cells as the header. Undefined is as wide as it takes: for what no terminal shows. Where `width` is too small for all columns, those that do not fit follow
 * in a table of their own with the first column again, and a first column that takes too much is cut in its middle.
 */
export function textTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
): string[] {
  const limit = width ?? Number.POSITIVE_INFINITY;
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const blocks = blocksOf(widths, limit);
  return blocks.flatMap((columns, index) => {
    const own = [
      Math.min(widths[0]!, blocks.length > 1 || !fits(widths, limit) ? firstWidth(widths, limit) : widths[0]!),
    ];
    own.push(...columns.map((column) => widths[column]!));
    const line = (cells: readonly string[]) =>
      [cut(cells[0]!, own[0]!).padEnd(own[0]!), ...columns.map((column) => cells[column]!.padStart(widths[column]!))]
        .join(GAP)
        .trimEnd();
    const rule = own.map((length) => '-'.repeat(length)).join(GAP);
    return [...(index > 0 ? [''] : []), line(header), rule, ...rows.map(line)];
  });
}

function fits(widths: readonly number[], width: number): boolean {
  return widths.reduce((sum, length) => sum + length + GAP.length, -GAP.length) <= width;
}

function firstWidth([first, ...others]: readonly number[], width: number): number {
  const left = width - others.reduce((sum, length) => sum + length + GAP.length, 0);
  // All columns next to a cut first one, if that leaves enough of it to tell the rows apart.
  return Math.max(1, Math.floor(Math.min(first!, Math.max(left, width * FIRST_SHARE))));
}

/** The columns of each table, without the first. */
function blocksOf(widths: readonly number[], width: number): number[][] {
  const all = widths.map((_, column) => column).slice(1);
  if (fits(widths, width)) return [all];
  const first = firstWidth(widths, width);
  const blocks: number[][] = [];
  let left = 0;
  for (const column of all) {
    const needed = widths[column]! + GAP.length;
    if (blocks.length === 0 || needed > left) {
      blocks.push([]);
      left = width - first;
    }
    blocks.at(-1)!.push(column);
    left -= needed;
  }
  return blocks.length === 0 ? [[]] : blocks;
}

/** What tells names apart is at either end: a policy, and the image that it runs on. */
function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  const tail = Math.floor((width - 1) * 0.6);
  return `${text.slice(0, width - 1 - tail)}…${text.slice(text.length - tail)}`;
}

/** A trend in words and tables. */
import { textTable } from '../../../dashboards/text/text-table.ts';
import type { TrendPoint, TrendSeries } from './trend.ts';

const SUBJECT_CHARACTERS = 48;

/** One row a commit with the syncs of each cell; a `*` marks where any metric of the cell changed. */
export function trendTable(points: readonly TrendPoint[], series: readonly TrendSeries[], width: number): string[] {
  const cells = [...new Set(series.map(({ cell }) => cell))];
  const rows = points.map(({ commit, subject, gap }, index) => [
    `${commit.slice(0, 9)} ${subject.slice(0, SUBJECT_CHARACTERS)}`,
    ...cells.map((cell) => (gap === null ? syncsAt(series, cell, index) : '-')),
  ]);
  return textTable(['commit', ...cells.map((cell) => `syncs: ${cell}`)], rows, width);
}

function syncsAt(series: readonly TrendSeries[], cell: string, index: number): string {
  const own = series.filter((one) => one.cell === cell);
  const changed = own.some(({ changes }) => changes.includes(index));
  const syncs = own.find(({ metric }) => metric === 'fsyncs')?.values[index] ?? '-';
  return `${syncs}${changed ? ' *' : '  '}`;
}

/** One line for each change of a metric, and for each gap. */
export function changeLines(points: readonly TrendPoint[], series: readonly TrendSeries[]): string[] {
  const changes = series.flatMap(({ cell, metric, values, changes: at }) =>
    at.map((index) => {
      const before = values.slice(0, index).findLast((value) => value !== null);
      return { index, line: `${nameOf(points[index]!)}: ${cell}: ${metric} ${before} -> ${values[index]}` };
    }),
  );
  const gaps = points.flatMap((point, index) =>
    point.gap === null ? [] : [{ index, line: `${nameOf(point)}: not measured: ${point.gap}` }],
  );
  return [...changes, ...gaps].sort((a, b) => a.index - b.index).map(({ line }) => line);
}

function nameOf({ commit }: TrendPoint): string {
  return commit.slice(0, 9);
}

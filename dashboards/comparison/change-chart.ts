/** How far do the exact totals differ: candidate over baseline, one line for each cell in which any of them does. */
import type { TopLevelSpec } from 'vega-lite';
import type { ChartParts } from '../charts/compile.ts';
import { CELL_COLOR, CELL_SHAPE, CELLS_PARAM, logAxis, RATIO_LABEL, SCHEMA } from '../charts/encodings.ts';
import type { Row } from '../charts/question.ts';
import { formatCount, formatRatio } from '../reading/quantities.ts';
import { type MatchedCell, TOTALS } from './matched-cells.ts';

export const CHANGE_CHART_ID = 'exact-change';

const SPEC: TopLevelSpec = {
  $schema: SCHEMA,
  params: [CELLS_PARAM],
  data: { name: 'rows' },
  width: 640,
  height: { step: 34 },
  encoding: {
    y: {
      field: 'where',
      type: 'nominal',
      sort: null,
      title: null,
      axis: { labelLimit: { expr: 'narrow ? 130 : 340' }, grid: true, domain: false, ticks: false },
    },
  },
  layer: [
    { mark: { type: 'rule', strokeDash: [4, 3] }, encoding: { x: { datum: 1 }, y: {} } },
    {
      mark: { type: 'point', filled: true, size: 90, opacity: 1, tooltip: true },
      encoding: {
        x: {
          field: 'ratio',
          type: 'quantitative',
          scale: { type: 'log', nice: false, padding: 20 },
          title: 'times the baseline (log scale)',
          axis: logAxis('x', RATIO_LABEL),
        },
        color: CELL_COLOR,
        shape: CELL_SHAPE,
        tooltip: [
          { field: 'where', title: 'where' },
          { field: 'cell', title: 'figure' },
          { field: 'shown', title: 'times the baseline' },
          { field: 'says', title: 'counts' },
        ],
      },
    },
  ],
} as TopLevelSpec;

function rowsOf({ workload, label, baseline, candidate, exact }: MatchedCell): Row[] {
  const [before, after] = [baseline[0]?.exact, candidate[0]?.exact];
  if (exact.verdict !== 'different' || before === undefined || after === undefined) return [];
  return TOTALS.flatMap(({ name, of }) => {
    const [from, to] = [of(before), of(after)];
    // A log axis has no place for zero; the table has.
    if (from === to || from === 0 || to === 0) return [];
    const ratio = to / from;
    const says = `${formatCount(from)} → ${formatCount(to)}`;
    return [{ where: `${label} · ${workload}`, cell: name, ratio, shown: formatRatio(ratio), says }];
  });
}

/** Null when no matched cell counts differently. */
export function changeChart(matched: readonly MatchedCell[]): ChartParts | null {
  const rows = matched.flatMap(rowsOf);
  if (rows.length === 0) return null;
  const names = TOTALS.map(({ name }) => name);
  return {
    id: CHANGE_CHART_ID,
    description: `Exact totals of the candidate as multiples of the baseline’s. ${rows.map(({ where, cell, shown }) => `${where}: ${cell} ${shown}`).join('; ')}.`,
    renderer: 'svg',
    spec: SPEC,
    params: { cells: names },
    policyNames: names,
    sources: { rows },
  };
}

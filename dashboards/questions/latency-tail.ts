/** How long do requests take: latency against the percentile, the axis stretched towards 100 % as HDR plots do. */
import type { TopLevelSpec } from 'vega-lite';
import type { LatencySeries } from '../../results/record.ts';
import { CELL_COLOR, logDuration } from '../charts/encodings.ts';
import { answered, type Question } from '../charts/question.ts';
import {
  CURVE_MARK,
  CURVE_STYLE,
  CURVES,
  curvesOf,
  percentileWords,
  quantileNs,
  SERIES_TITLES,
  seriesPanels,
  tailRows,
} from './distribution.ts';

const WANTED: readonly LatencySeries[] = ['guestWrite', 'guestFlush', 'guestRead', 'deviceSync'];

const QUANTILES = [0.5, 0.9, 0.99, 0.999, 0.9999];
/** The percentiles that people ask for, where the plot has its marks: one nine is one unit. */
const MARKED = [
  { nines: -Math.log10(0.5), name: 'p50' },
  { nines: 2, name: 'p99' },
];

function percent(q: number): string {
  return `${Number((q * 100).toFixed(3))}\u00a0%`;
}

const X = {
  field: 'nines',
  type: 'quantitative',
  title: 'percentile',
  scale: { nice: false },
  axis: {
    values: [0, MARKED[0]!.nines, 1, 2, 3, 4, 5, 6],
    labelExpr: "datum.value == 0 ? '0 %' : format(100 - pow(10, 2 - datum.value), '.6~f') + ' %'",
  },
} as const;

const SPEC = {
  ...CURVES,
  columns: 1,
  facet: seriesPanels(WANTED),
  spec: {
    width: 720,
    height: 170,
    layer: [
      ...MARKED.map(({ nines, name }) => ({
        data: { values: [{ nines, name }] },
        layer: [
          {
            mark: { type: 'rule' as const, strokeDash: [3, 3] },
            encoding: { x: { field: 'nines', type: 'quantitative' as const } },
          },
          {
            mark: { type: 'text' as const, align: 'left' as const, baseline: 'top' as const, dx: 3, dy: 2 },
            encoding: {
              x: { field: 'nines', type: 'quantitative' as const },
              y: { value: 0 },
              text: { field: 'name' },
            },
          },
        ],
      })),
      {
        mark: CURVE_MARK,
        encoding: { x: X, y: logDuration('y', 'ns', 'latency (log scale)'), ...CURVE_STYLE },
      },
      {
        // The point of a curve that is nearest to the pointer.
        params: [
          {
            name: 'nearest',
            select: { type: 'point', on: 'pointerover', nearest: true, clear: 'pointerout', encodings: ['x', 'y'] },
          },
        ],
        mark: { type: 'point', filled: true, size: 60, tooltip: true },
        encoding: {
          x: X,
          y: { field: 'ns', type: 'quantitative' },
          color: CELL_COLOR,
          opacity: { condition: { param: 'nearest', empty: false, value: 1 }, value: 0 },
          tooltip: [
            { field: 'cell', title: 'policy' },
            { field: 'says', title: 'faster' },
            { field: 'latency', title: 'the next took' },
          ],
        },
      },
    ],
  },
} as TopLevelSpec;

export const latencyTail: Question = {
  id: 'latency-tail',
  title: 'How long do requests take, and how slow are the slowest?',
  reading:
    'Each gridline adds a nine (90 %, 99 %, 99.9 %); p50 and p99 are marked. A curve that shoots up at the right has a long tail.',
  absent: 'This run recorded no latency histograms.',
  // Of each curve every point can be pointed at: too many for elements.
  renderer: 'canvas',
  spec: SPEC,
  ask: (record) =>
    answered({ rows: tailRows(record, WANTED) }, () => ({
      table: {
        caption: 'Percentiles of each distribution',
        columns: [
          { label: 'What', quantity: 'text' },
          { label: 'Policy', quantity: 'text' },
          { label: 'Count', quantity: 'count', help: 'values in the histogram' },
          { label: 'Minimum', quantity: 'duration', help: 'the fastest' },
          ...QUANTILES.map(
            (q) => ({ label: percent(q), quantity: 'duration', help: `${percent(q)} are at most this slow` }) as const,
          ),
          { label: 'Maximum', quantity: 'duration', help: 'the slowest' },
          { label: 'Mean', quantity: 'duration', help: 'sum divided by count' },
        ],
        rows: curvesOf(record, WANTED).map(({ cell, series, histogram }) => [
          SERIES_TITLES[series],
          cell,
          histogram.count,
          histogram.minNs,
          ...QUANTILES.map((q) => quantileNs(histogram, q)),
          histogram.maxNs,
          histogram.meanNs,
        ]),
      },
      words: WANTED.filter((series) => curvesOf(record, [series]).length > 0).map((series) => {
        const half = percentileWords(record, series, 'p50Ns');
        return `${SERIES_TITLES[series]}: half within ${half}; 99\u00a0% within ${percentileWords(record, series, 'p99Ns')}.`;
      }),
    })),
};

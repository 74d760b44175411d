/** How slow are the slowest: latency against the percentile, the axis stretched towards 100 % as HDR plots do. */
import type { LatencySeries } from '../../results/record.ts';
import { logDuration } from '../charts/encodings.ts';
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

const WANTED: readonly LatencySeries[] = ['deviceSync', 'guestFlush', 'guestWrite'];

const TAIL = [0.9, 0.99, 0.999, 0.9999, 0.99999];

function percent(q: number): string {
  return `${Number((q * 100).toFixed(3))}\u00a0%`;
}

export const latencyTail: Question = {
  id: 'latency-tail',
  title: 'How slow are the slowest?',
  reading: 'Each gridline adds a nine (90 %, 99 %, 99.9 %). A curve that shoots up at the right has a long tail.',
  absent: 'This run recorded no latency histograms.',
  renderer: 'svg',
  spec: {
    ...CURVES,
    columns: 1,
    facet: seriesPanels(WANTED),
    spec: {
      width: 720,
      height: 170,
      mark: CURVE_MARK,
      encoding: {
        x: {
          field: 'nines',
          type: 'quantitative',
          title: 'percentile',
          scale: { nice: false },
          axis: {
            values: [0, 1, 2, 3, 4, 5, 6],
            labelExpr: "datum.value == 0 ? '0 %' : format(100 - pow(10, 2 - datum.value), '.6~f') + ' %'",
          },
        },
        y: logDuration('y', 'ns', 'latency (log scale)'),
        ...CURVE_STYLE,
        tooltip: [
          { field: 'cell', title: 'policy' },
          { field: 'says', title: 'faster' },
          { field: 'latency', title: 'the next took' },
        ],
      },
    },
  },
  ask: (record) =>
    answered({ rows: tailRows(record, WANTED) }, () => ({
      table: {
        caption: 'The slow end of each distribution, all rounds together',
        columns: [
          { label: 'What', quantity: 'text' },
          { label: 'Policy', quantity: 'text' },
          { label: 'Count', quantity: 'count', help: 'values in the histogram, all rounds together' },
          ...TAIL.map(
            (q) => ({ label: percent(q), quantity: 'duration', help: `${percent(q)} are at most this slow` }) as const,
          ),
          { label: 'Maximum', quantity: 'duration', help: 'the slowest of all' },
        ],
        rows: curvesOf(record, WANTED).map(({ cell, series, histogram }) => [
          SERIES_TITLES[series],
          cell,
          histogram.count,
          ...TAIL.map((q) => quantileNs(histogram, q)),
          histogram.maxNs,
        ]),
      },
      words: WANTED.filter((series) => curvesOf(record, [series]).length > 0).map(
        (series) => `${SERIES_TITLES[series]}, the slowest of all: ${percentileWords(record, series, 'maxNs')}.`,
      ),
    })),
};

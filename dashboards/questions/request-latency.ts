/** How long does the guest wait: the cumulative distribution of latency for each kind of guest request. */
import type { LatencySeries } from '../../results/record.ts';
import { logDuration } from '../charts/encodings.ts';
import { answered, type Question } from '../charts/question.ts';
import {
  CURVE_MARK,
  CURVE_STYLE,
  CURVES,
  cumulativeRows,
  curvesOf,
  percentileTable,
  percentileWords,
  SERIES_TITLES,
  seriesPanels,
} from './distribution.ts';

const WANTED: readonly LatencySeries[] = ['guestRead', 'guestWrite', 'guestFlush', 'guestOther'];

export const requestLatency: Question = {
  id: 'request-latency',
  title: 'How long does the guest wait for a request?',
  reading: 'One panel for each kind of request; each curve shows the share completed within a given time.',
  absent: 'This run recorded no latency of guest requests.',
  renderer: 'svg',
  spec: {
    ...CURVES,
    columns: 1,
    facet: seriesPanels(WANTED),
    spec: {
      width: 720,
      height: 150,
      mark: { ...CURVE_MARK, clip: true },
      encoding: {
        x: logDuration('x', 'ns', 'latency of one request (log scale)'),
        y: {
          field: 'share',
          type: 'quantitative',
          scale: { domain: [0, 1] },
          title: 'share',
          axis: { format: '.0%', tickCount: 4 },
        },
        ...CURVE_STYLE,
        tooltip: [
          { field: 'cell', title: 'policy' },
          { field: 'series', title: 'request' },
          { field: 'latency', title: 'within' },
          { field: 'says', title: 'requests' },
        ],
      },
    },
  },
  ask: (record) =>
    answered({ rows: cumulativeRows(record, WANTED) }, () => ({
      table: percentileTable(record, WANTED, 'Latency of guest requests, all rounds together'),
      words: WANTED.filter((series) => curvesOf(record, [series]).length > 0).map((series) => {
        const half = percentileWords(record, series, 'p50Ns');
        return `${SERIES_TITLES[series]}: half within ${half}; 99\u00a0% within ${percentileWords(record, series, 'p99Ns')}.`;
      }),
    })),
};

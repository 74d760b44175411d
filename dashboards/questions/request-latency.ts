/** How long does the guest wait: the cumulative distribution of latency for each kind of guest request. */
import type { LatencySeries } from '../../results/record.ts';
import type { Question } from '../question.ts';
import {
  CURVE_TEXTS,
  cumulativeRows,
  curvesOf,
  percentileTable,
  percentileWords,
  SERIES_TITLES,
} from './distribution.ts';
import { CELL_COLOR, CELL_DASH, CELLS_PARAM, DURATION_LABEL, logAxis, PANEL_HEADER, SCHEMA } from './encodings.ts';

const WANTED: readonly LatencySeries[] = ['guestRead', 'guestWrite', 'guestFlush', 'guestOther'];

export const requestLatency: Question = {
  id: 'request-latency',
  title: 'How long does the guest wait for a request?',
  reading: 'One panel for each kind of request; each curve shows which share was answered within a time.',
  absent: 'This run recorded no latency of guest requests.',
  renderer: 'svg',
  spec: {
    $schema: SCHEMA,
    params: [CELLS_PARAM],
    data: { name: 'rows' },
    transform: CURVE_TEXTS,
    columns: 1,
    facet: {
      field: 'series',
      type: 'nominal',
      title: null,
      sort: WANTED.map((series) => SERIES_TITLES[series]),
      header: PANEL_HEADER,
    },
    spec: {
      width: 720,
      height: 150,
      mark: { type: 'line', interpolate: 'step-after', strokeWidth: 2, clip: true, tooltip: true },
      encoding: {
        x: {
          field: 'ns',
          type: 'quantitative',
          scale: { type: 'log', nice: false },
          title: 'latency of one request (log scale)',
          axis: logAxis('x', DURATION_LABEL),
        },
        y: {
          field: 'share',
          type: 'quantitative',
          scale: { domain: [0, 1] },
          title: 'share',
          axis: { format: '.0%', tickCount: 4 },
        },
        color: CELL_COLOR,
        strokeDash: CELL_DASH,
        tooltip: [
          { field: 'cell', title: 'policy' },
          { field: 'series', title: 'request' },
          { field: 'latency', title: 'within' },
          { field: 'says', title: 'requests' },
        ],
      },
    },
  },
  data: (record) => ({ rows: cumulativeRows(record, WANTED) }),
  table: (record) => percentileTable(record, WANTED, 'Latency of guest requests, all rounds together'),
  answer: (record) =>
    WANTED.filter((series) => curvesOf(record, [series]).length > 0).map((series) => {
      const half = percentileWords(record, series, 'p50Ns');
      return `${SERIES_TITLES[series]}: half within ${half}; 99\u00a0% within ${percentileWords(record, series, 'p99Ns')}.`;
    }),
};

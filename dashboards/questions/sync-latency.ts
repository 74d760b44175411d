/** How long does a sync take: the cumulative distribution of the syncs' latency, one curve a policy. */
import type { LatencySeries } from '../../results/record.ts';
import type { Question } from '../question.ts';
import { CURVE_TEXTS, cumulativeRows, percentileTable, percentileWords } from './distribution.ts';
import { CELL_COLOR, CELL_DASH, CELLS_PARAM, DURATION_LABEL, logAxis, SCHEMA } from './encodings.ts';

const WANTED: readonly LatencySeries[] = ['deviceSync'];

export const syncLatency: Question = {
  id: 'sync-latency',
  title: 'How long does one sync take?',
  reading: 'Each curve shows which share of the syncs was done within a time; a curve further left is faster.',
  absent: 'This run made no sync, so there is no sync latency to show.',
  renderer: 'svg',
  spec: {
    $schema: SCHEMA,
    params: [CELLS_PARAM],
    data: { name: 'rows' },
    transform: CURVE_TEXTS,
    width: 720,
    height: 260,
    mark: { type: 'line', interpolate: 'step-after', strokeWidth: 2, clip: true, tooltip: true },
    encoding: {
      x: {
        field: 'ns',
        type: 'quantitative',
        scale: { type: 'log', nice: false },
        title: 'latency of one sync (log scale)',
        axis: logAxis('x', DURATION_LABEL),
      },
      y: {
        field: 'share',
        type: 'quantitative',
        scale: { domain: [0, 1] },
        title: 'share of syncs',
        axis: { format: '.0%', tickCount: 5 },
      },
      color: CELL_COLOR,
      strokeDash: CELL_DASH,
      tooltip: [
        { field: 'cell', title: 'policy' },
        { field: 'latency', title: 'within' },
        { field: 'says', title: 'syncs' },
      ],
    },
  },
  data: (record) => ({ rows: cumulativeRows(record, WANTED) }),
  table: (record) => percentileTable(record, WANTED, 'Sync latency, all rounds together'),
  answer: (record) => [
    `Half of the syncs are done within: ${percentileWords(record, 'deviceSync', 'p50Ns')}.`,
    `99\u00a0% are done within: ${percentileWords(record, 'deviceSync', 'p99Ns')}.`,
  ],
};

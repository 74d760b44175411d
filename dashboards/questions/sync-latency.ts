/** How long does a sync take: the cumulative distribution of the syncs' latency, one curve a policy. */
import type { LatencySeries } from '../../results/record.ts';
import { logDuration } from '../charts/encodings.ts';
import { answered, type Question } from '../charts/question.ts';
import { CURVE_MARK, CURVE_STYLE, CURVES, cumulativeRows, percentileTable, percentileWords } from './distribution.ts';

const WANTED: readonly LatencySeries[] = ['deviceSync'];

export const syncLatency: Question = {
  id: 'sync-latency',
  title: 'How long does one sync take?',
  reading: 'Each curve shows the share of syncs completed within a given time; further left is faster.',
  absent: 'This run made no sync, so there is no sync latency to show.',
  renderer: 'svg',
  spec: {
    ...CURVES,
    width: 720,
    height: 260,
    mark: { ...CURVE_MARK, clip: true },
    encoding: {
      x: logDuration('x', 'ns', 'latency of one sync (log scale)'),
      y: {
        field: 'share',
        type: 'quantitative',
        scale: { domain: [0, 1] },
        title: 'share of syncs',
        axis: { format: '.0%', tickCount: 5 },
      },
      ...CURVE_STYLE,
      tooltip: [
        { field: 'cell', title: 'policy' },
        { field: 'latency', title: 'within' },
        { field: 'says', title: 'syncs' },
      ],
    },
  },
  ask: (record) =>
    answered({ rows: cumulativeRows(record, WANTED) }, () => ({
      table: percentileTable(record, WANTED, 'Sync latency, all rounds together'),
      words: [
        `Half of the syncs are done within: ${percentileWords(record, 'deviceSync', 'p50Ns')}.`,
        `99\u00a0% are done within: ${percentileWords(record, 'deviceSync', 'p99Ns')}.`,
      ],
    })),
};

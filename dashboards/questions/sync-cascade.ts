/** What happens inside one request: every file operation that it caused, in order, as a Gantt chart. */
import type { RunRecord } from '../../results/record.ts';
import { countedCells } from '../cells.ts';
import { themeToken } from '../page/browser/palette.ts';
import { formatBytes, formatCount, formatDuration } from '../quantities.ts';
import type { Question, Row } from '../question.ts';
import { DURATION_LABEL, PANEL_HEADER, SCHEMA } from './encodings.ts';

function cascadesOf(record: RunRecord) {
  return countedCells(record).flatMap(({ cell, label }) =>
    cell.cascades.map((cascade) => ({ cascade, panel: `${label}: ${cascade.title}` })),
  );
}

function rowsOf(record: RunRecord): Row[] {
  return cascadesOf(record).flatMap(({ cascade, panel }, order) =>
    cascade.events.map((event, index) => ({
      panel,
      order,
      step: index + 1,
      lane: `${event.op} ${event.what}`,
      op: event.op,
      fromNs: event.startNs,
      toNs: event.startNs + event.durationNs,
      took: formatDuration(event.durationNs),
      at: event.op === 'sync' ? 'whole file' : `offset ${formatCount(event.offset)}, ${formatBytes(event.lengthBytes)}`,
    })),
  );
}

const OP_COLOR = {
  field: 'op',
  type: 'nominal',
  legend: null,
  scale: {
    domain: ['sync', 'write', 'read', 'truncate', 'punch'],
    range: (['vermillion', 'blue', 'green', 'purple', 'orange'] as const).map((name) => themeToken(name)),
  },
} as const satisfies Record<string, unknown>;

export const syncCascade: Question = {
  id: 'sync-cascade',
  title: 'What happens inside one guest request?',
  reading:
    'Time runs to the right from the moment the guest asked. Each lane is a kind of file operation; long bars are the waits.',
  absent: 'This run recorded no single request step by step.',
  renderer: 'svg',
  spec: {
    $schema: SCHEMA,
    data: { name: 'rows' },
    columns: 1,
    facet: {
      field: 'panel',
      type: 'nominal',
      title: null,
      sort: { field: 'order', op: 'min' },
      header: PANEL_HEADER,
    },
    resolve: { scale: { x: 'independent', y: 'independent' } },
    spec: {
      width: 600,
      height: { step: 22 },
      // The stroke keeps operations visible that are too short for a bar.
      mark: { type: 'bar', height: 12, strokeWidth: 2, strokeJoin: 'round', tooltip: true },
      encoding: {
        x: {
          field: 'fromNs',
          type: 'quantitative',
          title: 'time since the guest asked',
          axis: { labelExpr: DURATION_LABEL, tickCount: 6, labelOverlap: true },
        },
        x2: { field: 'toNs' },
        y: {
          field: 'lane',
          type: 'nominal',
          sort: null,
          title: null,
          axis: { ticks: false, domain: false, grid: true },
        },
        color: OP_COLOR,
        stroke: OP_COLOR,
        tooltip: [
          { field: 'step', title: 'step' },
          { field: 'lane', title: 'operation' },
          { field: 'took', title: 'took' },
          { field: 'at', title: 'where' },
        ],
      },
    },
  },
  data: (record) => ({ rows: rowsOf(record) }),
  table: (record) => ({
    caption: 'Every file operation of the requests shown, in order',
    columns: [
      { label: 'Request', quantity: 'text' },
      { label: 'Step', quantity: 'count' },
      { label: 'Operation', quantity: 'text' },
      { label: 'Kind or reason', quantity: 'text' },
      { label: 'Start', quantity: 'duration', help: 'since the guest asked' },
      { label: 'Took', quantity: 'duration', help: 'time inside the call' },
      { label: 'Offset', quantity: 'count', help: 'byte offset in the file' },
      { label: 'Length', quantity: 'bytes', help: 'bytes read or written' },
    ],
    rows: cascadesOf(record).flatMap(({ cascade, panel }) =>
      cascade.events.map((e, index) => [
        panel,
        index + 1,
        e.op,
        e.what,
        e.startNs,
        e.durationNs,
        e.offset,
        e.lengthBytes,
      ]),
    ),
  }),
  answer: (record) =>
    cascadesOf(record).map(({ cascade, panel }) => {
      const syncs = cascade.events.filter(({ op }) => op === 'sync');
      const inSyncs = syncs.reduce((sum, { durationNs }) => sum + durationNs, 0);
      const words = `${formatCount(cascade.events.length)} file operations, ${formatCount(syncs.length)} of them syncs`;
      return `${panel}: ${words}, ${formatDuration(inSyncs)} of ${formatDuration(cascade.durationNs)} spent in syncs.`;
    }),
};

/** What happens inside one request: every file operation that it caused, in order, as a Gantt chart. */
import type { Cell, RunRecord } from '../../results/record.ts';
import { BY_ORDER, panels, SCHEMA, TIME_AXIS } from '../charts/encodings.ts';
import { themeToken } from '../charts/palette.ts';
import { answered, type Question, type Row } from '../charts/question.ts';
import { countedCells } from '../reading/cells.ts';
import { counted, formatBytes, formatCount, formatDuration } from '../reading/quantities.ts';

interface Shown {
  readonly cell: string;
  readonly cascade: Cell['cascades'][number];
}

function cascadesOf(record: RunRecord): Shown[] {
  return countedCells(record).flatMap(({ cell, label }) => cell.cascades.map((cascade) => ({ cascade, cell: label })));
}

function syncsIn({ cascade }: Shown): number {
  return cascade.events.filter(({ op }) => op === 'sync').length;
}

/** True when every policy shows the same request of its stream under `title`. */
function isSameForAll(record: RunRecord, title: string): boolean {
  const cells = countedCells(record).filter(({ cell }) => cell.cascades.length > 0);
  const requests = cells.map(({ cell }) => cell.cascades.find((cascade) => cascade.title === title)?.request);
  const [first] = requests;
  return requests.every((request) => request?.index === first?.index && request?.op === first?.op);
}

/** Requests by title, those first that can be compared, then those that cost the most syncs under some policy. The first is shown at the start. */
function titlesOf(record: RunRecord): string[] {
  const most = new Map<string, number>();
  for (const shown of cascadesOf(record)) {
    const { title, request, events } = shown.cascade;
    // What no policy does anything for is not offered.
    if (events.length === 0) continue;
    // A guest flush is what people ask about: it goes before the rest.
    const weight = syncsIn(shown) + (request.op === 'flush' ? 1e6 : 0);
    most.set(title, Math.max(most.get(title) ?? 0, weight));
  }
  const weights = [...most].map(
    ([title, weight]) => [title, weight + (isSameForAll(record, title) ? 1e9 : 0)] as const,
  );
  return weights.sort(([, a], [, b]) => b - a).map(([title]) => title);
}

function rowsOf(record: RunRecord): Row[] {
  return cascadesOf(record).flatMap(({ cascade, cell }, order) => {
    const common = { panel: `${cell}, ${formatDuration(cascade.durationNs)}`, title: cascade.title, order };
    const whole = {
      ...{ ...common, step: 0, lane: 'request', op: 'request', fromNs: 0, toNs: cascade.durationNs },
      ...{ took: formatDuration(cascade.durationNs), at: requestText(cascade) },
    };
    const events = cascade.events.map((event, index) => ({
      ...common,
      step: index + 1,
      lane: `${event.op} ${event.what}`,
      op: event.op,
      fromNs: event.startNs,
      toNs: event.startNs + event.durationNs,
      took: formatDuration(event.durationNs),
      at: event.op === 'sync' ? 'whole file' : `offset ${formatCount(event.offset)}, ${formatBytes(event.lengthBytes)}`,
    }));
    return [whole, ...events];
  });
}

/** `write of 4 KiB at 1 048 576`. */
function requestText({ request: { op, offset, lengthBytes } }: Shown['cascade']): string {
  return lengthBytes === 0 ? op : `${op} of ${formatBytes(lengthBytes)} at ${formatCount(offset)}`;
}

function sentence(shown: Shown): string {
  const { cell, cascade } = shown;
  const inSyncs = cascade.events.reduce((sum, { op, durationNs }) => sum + (op === 'sync' ? durationNs : 0), 0);
  const operations = counted(cascade.events.length, 'file operation');
  const waited = `${formatDuration(inSyncs)} of ${formatDuration(cascade.durationNs)} in ${counted(syncsIn(shown), 'sync')}`;
  return `${cell}, ${cascade.title}: ${operations}, ${waited}.`;
}

const OP_COLOR = {
  field: 'op',
  type: 'nominal',
  legend: null,
  scale: {
    domain: ['sync', 'write', 'read', 'truncate', 'punch', 'preallocate', 'request'],
    range: (['vermillion', 'blue', 'green', 'purple', 'orange', 'sky', 'line'] as const).map((name) =>
      themeToken(name),
    ),
  },
} as const satisfies Record<string, unknown>;

export const syncCascade: Question = {
  id: 'sync-cascade',
  title: 'What happens inside one guest request?',
  reading:
    'Time runs to the right from the arrival of the guest request. Each lane is a kind of file operation; long bars are waits. All policies share one time axis; the first choices are the same request under each of them. Between the bars the engine computes.',
  absent: 'This run recorded no single request step by step.',
  renderer: 'svg',
  spec: {
    $schema: SCHEMA,
    params: [{ name: 'shownRequest', value: '' }],
    data: { name: 'rows' },
    transform: [{ filter: 'datum.title === shownRequest' }],
    columns: 1,
    facet: panels('panel', BY_ORDER),
    resolve: { scale: { y: 'independent' } },
    spec: {
      width: 600,
      height: { step: 22 },
      // The stroke keeps operations visible that are too short for a bar.
      mark: { type: 'bar', height: 12, strokeWidth: 2, strokeJoin: 'round', tooltip: true },
      encoding: {
        x: {
          field: 'fromNs',
          type: 'quantitative',
          title: 'time since the request arrived',
          axis: TIME_AXIS,
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
  ask: (record) =>
    answered({ rows: rowsOf(record) }, () => ({
      params: { shownRequest: titlesOf(record)[0] ?? '' },
      controls: [{ kind: 'select', param: 'shownRequest', label: 'Request', options: titlesOf(record) }],
      table: {
        caption: 'Every file operation of all requests recorded step by step',
        columns: [
          { label: 'Policy', quantity: 'text' },
          { label: 'Request', quantity: 'text' },
          { label: 'Step', quantity: 'count', help: 'position within the request' },
          { label: 'Operation', quantity: 'text' },
          { label: 'Kind or reason', quantity: 'text' },
          { label: 'Start', quantity: 'duration', help: 'since the request arrived' },
          { label: 'Took', quantity: 'duration', help: 'time inside the call' },
          { label: 'Offset', quantity: 'count', help: 'file offset in bytes' },
          { label: 'Length', quantity: 'bytes', help: 'bytes read or written' },
        ],
        rows: cascadesOf(record).flatMap(({ cascade, cell }) =>
          cascade.events.map((e, index) => [
            ...[cell, cascade.title, index + 1, e.op, e.what],
            ...[e.startNs, e.durationNs, e.offset, e.lengthBytes],
          ]),
        ),
      },
      words: cascadesOf(record)
        .filter(({ cascade }) => cascade.title === titlesOf(record)[0])
        .map(sentence),
    })),
};

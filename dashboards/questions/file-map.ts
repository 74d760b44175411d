/** Where and when is the file written: address × time, syncs as rules, an overview with a brush to zoom. */
import type { FileMap, RunRecord } from '../../results/record.ts';
import { countedCells } from '../cells.ts';
import { themeToken } from '../page/browser/palette.ts';
import { formatBytes, formatCount, formatDuration } from '../quantities.ts';
import type { Question, Row } from '../question.ts';
import { DURATION_LABEL, SCHEMA } from './encodings.ts';
import { coarsen } from './file-map-bins.ts';

/** Entries of all maps together; more would weigh megabytes and show nothing more. */
const MOST_ENTRIES = 60_000;
/** Drawn as areas; everything else is a table and drawn as a point, since a single row of bins would not be seen. */
const AREAS = ['data', 'cow'];
const KINDS = ['data', 'cow', 'l2', 'l1', 'refcount-block', 'refcount-table', 'header', 'snapshot-table'];
const COLORS = ['sky', 'purple', 'blue', 'ink', 'vermillion', 'orange', 'green', 'yellow'] as const;
const SHAPES = ['square', 'square', 'circle', 'triangle-up', 'diamond', 'cross', 'triangle-down', 'triangle-right'];

const MIB = 1024 ** 2;

interface LabelledMap {
  readonly cell: string;
  readonly map: FileMap;
}

function mapsOf(record: RunRecord): LabelledMap[] {
  const maps = countedCells(record).flatMap(({ cell, label }) =>
    cell.fileMap === null || cell.fileMap.cells.length === 0 ? [] : [{ cell: label, map: cell.fileMap }],
  );
  const share = MOST_ENTRIES / Math.max(maps.length, 1);
  return maps.map(({ cell, map }) => ({ cell, map: coarsen(map, share) }));
}

function writeRows({ cell, map }: LabelledMap): Row[] {
  const width = map.durationNs / map.columns;
  const height = map.fileBytes / map.rows;
  return map.cells.map(([column, row, kind, bytes]) => ({
    cell,
    kind,
    from: column * width,
    to: (column + 1) * width,
    low: (row * height) / MIB,
    high: ((row + 1) * height) / MIB,
    log: Math.log10(1 + bytes),
    area: AREAS.includes(kind),
    says: `${formatBytes(bytes)} of ${kind} at ${formatBytes(row * height)}, ${formatDuration(column * width)} after the start`,
  }));
}

function syncRows({ cell, map }: LabelledMap): Row[] {
  const width = map.durationNs / map.columns;
  const counts = new Map(map.syncs.map(([column, syncs, ns]) => [column, { syncs, ns }]));
  return Array.from({ length: map.columns }, (_, column) => {
    const { syncs, ns } = counts.get(column) ?? { syncs: 0, ns: 0 };
    const says = `${formatCount(syncs)} syncs, ${formatDuration(ns)} in them, ${formatDuration(column * width)} after the start`;
    return { cell, from: column * width, to: (column + 1) * width, syncs, says };
  });
}

const KIND_SCALE = { domain: KINDS, range: COLORS.map((name) => themeToken(name)) };
const THIS_CELL = { filter: 'datum.cell === shownCell' };
const ZOOMED = { domain: { param: 'brush' }, nice: false } as const;
const TIME_AXIS = { labelExpr: DURATION_LABEL, tickCount: 6, labelOverlap: true } as const;

export const fileMap: Question = {
  id: 'file-map',
  title: 'Where and when is the file written?',
  reading:
    'Time runs to the right, the address in the file upwards; vertical rules are syncs. Drag over the upper strip (syncs over time) to zoom.',
  absent: 'This run recorded no address × time picture.',
  renderer: 'canvas',
  spec: {
    $schema: SCHEMA,
    params: [{ name: 'shownCell', value: '', bind: { input: 'select', options: [], name: 'policy ' } }],
    vconcat: [
      {
        width: 640,
        height: 46,
        data: { name: 'syncs' },
        transform: [THIS_CELL],
        params: [
          {
            name: 'brush',
            select: {
              type: 'interval',
              encodings: ['x'],
              mark: { fill: themeToken('accent'), fillOpacity: 0.16, stroke: themeToken('accent') },
            },
          },
        ],
        mark: { type: 'rect', color: themeToken('soft'), tooltip: true },
        encoding: {
          x: {
            field: 'from',
            type: 'quantitative',
            title: null,
            scale: { nice: false },
            axis: { ...TIME_AXIS, grid: false },
          },
          x2: { field: 'to' },
          y: {
            field: 'syncs',
            type: 'quantitative',
            title: 'syncs',
            scale: { zero: true },
            axis: { tickCount: 2, format: '~s' },
          },
          y2: { datum: 0 },
          tooltip: [{ field: 'says', title: 'here' }],
        },
      },
      {
        width: 640,
        height: 340,
        layer: [
          {
            data: { name: 'syncs' },
            transform: [THIS_CELL, { filter: 'datum.syncs > 0' }],
            mark: { type: 'rule', clip: true, color: themeToken('soft'), strokeWidth: 1 },
            encoding: {
              x: { field: 'from', type: 'quantitative', scale: ZOOMED },
              opacity: {
                field: 'syncs',
                type: 'quantitative',
                legend: null,
                scale: { zero: true, range: [0.04, 0.26] },
              },
            },
          },
          {
            data: { name: 'writes' },
            transform: [THIS_CELL, { filter: 'datum.area' }],
            mark: { type: 'rect', clip: true, tooltip: true },
            encoding: {
              x: { field: 'from', type: 'quantitative', scale: ZOOMED, title: 'time since the start', axis: TIME_AXIS },
              x2: { field: 'to' },
              y: {
                field: 'low',
                type: 'quantitative',
                scale: { nice: false, zero: true },
                title: 'address in the file (MiB)',
                axis: { format: ',~f', tickCount: 6 },
              },
              y2: { field: 'high' },
              color: {
                field: 'kind',
                type: 'nominal',
                title: null,
                scale: KIND_SCALE,
                legend: { symbolOpacity: 1 },
              },
              fillOpacity: {
                field: 'log',
                type: 'quantitative',
                legend: null,
                scale: { zero: false, range: [0.45, 1] },
              },
              tooltip: [{ field: 'says', title: 'wrote' }],
            },
          },
          {
            data: { name: 'writes' },
            transform: [
              THIS_CELL,
              { filter: '!datum.area' },
              { calculate: '(datum.from + datum.to) / 2', as: 'middle' },
              { calculate: '(datum.low + datum.high) / 2', as: 'address' },
            ],
            mark: { type: 'point', filled: true, clip: true, size: 22, opacity: 0.9, tooltip: true },
            encoding: {
              x: { field: 'middle', type: 'quantitative', scale: ZOOMED },
              y: { field: 'address', type: 'quantitative' },
              color: { field: 'kind', type: 'nominal', title: null, scale: KIND_SCALE },
              shape: { field: 'kind', type: 'nominal', title: null, scale: { domain: KINDS, range: SHAPES } },
              tooltip: [{ field: 'says', title: 'wrote' }],
            },
          },
        ],
      },
    ],
  },
  data(record) {
    const maps = mapsOf(record);
    if (maps.length === 0) return {};
    return { writes: maps.flatMap(writeRows), syncs: maps.flatMap(syncRows) };
  },
  params: (record) => ({ shownCell: mapsOf(record)[0]?.cell ?? '' }),
  controls: (record) => [
    { kind: 'select', param: 'shownCell', label: 'Policy', options: mapsOf(record).map(({ cell }) => cell) },
    { kind: 'zoom', param: 'brush', label: 'Zoom in time' },
  ],
  table: (record) => ({
    caption: 'Bytes written by kind, and where they lie; the single bins are in the chart’s data',
    columns: [
      { label: 'Policy', quantity: 'text' },
      { label: 'Kind', quantity: 'text' },
      { label: 'Bins', quantity: 'count', help: 'squares of the picture that hold writes of this kind' },
      { label: 'Written', quantity: 'bytes', help: 'bytes of this kind in the picture' },
      { label: 'Lowest', quantity: 'bytes', help: 'lowest address of a square that holds some' },
      { label: 'Highest', quantity: 'bytes', help: 'highest address of a square that holds some' },
    ],
    rows: mapsOf(record).flatMap(({ cell, map }) => {
      const height = map.fileBytes / map.rows;
      return [...Map.groupBy(map.cells, ([, , kind]) => kind)].map(([kind, cells]) => {
        const rows = cells.map(([, row]) => row);
        const bytes = cells.reduce((sum, [, , , count]) => sum + count, 0);
        const lowest = rows.reduce((a, b) => Math.min(a, b), map.rows) * height;
        const highest = (rows.reduce((a, b) => Math.max(a, b), 0) + 1) * height;
        return [cell, kind, cells.length, bytes, Math.round(lowest), Math.round(highest)];
      });
    }),
  }),
  answer: (record) =>
    mapsOf(record).map(({ cell, map }) => {
      const syncs = map.syncs.reduce((sum, [, count]) => sum + count, 0);
      return `${cell} wrote a file of ${formatBytes(map.fileBytes)} in ${formatDuration(map.durationNs)} with ${formatCount(syncs)} syncs.`;
    }),
};

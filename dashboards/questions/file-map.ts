/** Where and when is the file written: address × time, syncs as rules, an overview with a brush to zoom. */
import type { FileMap, RunRecord } from '../../results/record.ts';
import { bytesText, durationText, SCHEMA, TIME_AXIS, ZOOM_BRUSH } from '../charts/encodings.ts';
import { themeToken } from '../charts/palette.ts';
import { answered, type Question, type Row, type Sources } from '../charts/question.ts';
import { countedCells } from '../reading/cells.ts';
import { coarsen, MOST_ENTRIES } from '../reading/file-map-bins.ts';
import { formatBytes, formatCount, formatDuration } from '../reading/quantities.ts';

/** Drawn as areas; everything else is a table and drawn as a point, since a single row of bins would not be seen. */
const AREAS = ['data', 'cow'];
const KINDS = ['data', 'cow', 'l2', 'l1', 'refcount-block', 'refcount-table', 'header', 'snapshot-table'];
const COLORS = ['sky', 'purple', 'blue', 'ink', 'vermillion', 'orange', 'green', 'yellow'] as const;
const SHAPES = ['square', 'square', 'circle', 'triangle-up', 'diamond', 'cross', 'triangle-down', 'triangle-right'];

interface LabelledMap {
  readonly cell: string;
  readonly map: FileMap;
}

/** Made coarse once for each record, since rows, table and words all start from them. */
const coarseMaps = new WeakMap<RunRecord, LabelledMap[]>();

function mapsOf(record: RunRecord): LabelledMap[] {
  const known = coarseMaps.get(record);
  if (known !== undefined) return known;
  const maps = countedCells(record).flatMap(({ cell, label }) =>
    cell.fileMap === null || cell.fileMap.cells.length === 0 ? [] : [{ cell: label, map: cell.fileMap }],
  );
  const share = MOST_ENTRIES / Math.max(maps.length, 1);
  const coarse = maps.map(({ cell, map }) => ({ cell, map: coarsen(map, share) }));
  coarseMaps.set(record, coarse);
  return coarse;
}

function writeRows({ cell, map }: LabelledMap): Row[] {
  return map.cells.map(([column, row, kind, bytes]) => ({ cell, kind, column, row, bytes }));
}

/** Every column, also those without a sync, so that the strip spans the whole run. */
function syncRows({ cell, map }: LabelledMap): Row[] {
  const counts = new Map(map.syncs.map(([column, syncs, ns]) => [column, { syncs, ns }]));
  return Array.from({ length: map.columns }, (_, column) => {
    const { syncs, ns } = counts.get(column) ?? { syncs: 0, ns: 0 };
    return { cell, column, syncs, ns };
  });
}

/** What one column and one row stand for, by cell. */
function scaleRow({ cell, map }: LabelledMap): Row {
  return { cell, columnNs: map.durationNs / map.columns, rowBytes: map.fileBytes / map.rows };
}

const KIND_SCALE = { domain: KINDS, range: COLORS.map((name) => themeToken(name)) };
/** Rows of the cell that is shown, their column as a span of time and their row as a span of MiB. */
const THIS_CELL = [
  { filter: 'datum.cell === shownCell' },
  { lookup: 'cell', from: { data: { name: 'scales' }, key: 'cell', fields: ['columnNs', 'rowBytes'] } },
  { calculate: 'datum.column * datum.columnNs', as: 'from' },
  { calculate: '(datum.column + 1) * datum.columnNs', as: 'to' },
  { calculate: 'datum.row * datum.rowBytes / 1048576', as: 'low' },
  { calculate: '(datum.row + 1) * datum.rowBytes / 1048576', as: 'high' },
  { calculate: durationText('datum.from'), as: 'when' },
];
const WRITTEN = [
  { calculate: bytesText('datum.bytes'), as: 'written' },
  { calculate: bytesText('datum.row * datum.rowBytes'), as: 'where' },
  { calculate: 'log(1 + datum.bytes)', as: 'log' },
];
const WRITTEN_TOOLTIP = [
  { field: 'kind', title: 'kind' },
  { field: 'written', title: 'written' },
  { field: 'where', title: 'from address' },
  { field: 'when', title: 'from time' },
];
const ZOOMED = { domain: { param: 'brush' }, nice: false } as const;

function sourcesOf(record: RunRecord): Sources {
  const maps = mapsOf(record);
  if (maps.length === 0) return {};
  return { writes: maps.flatMap(writeRows), syncs: maps.flatMap(syncRows), scales: maps.map(scaleRow) };
}

export const fileMap: Question = {
  id: 'file-map',
  title: 'Where and when is the file written?',
  reading:
    'Time runs to the right, file offset upwards; vertical lines are syncs. Drag over the upper strip (syncs over time) to zoom.',
  absent: 'This run recorded no map of file offset × time.',
  renderer: 'canvas',
  spec: {
    $schema: SCHEMA,
    params: [{ name: 'shownCell', value: '' }],
    vconcat: [
      {
        width: 640,
        height: 46,
        data: { name: 'syncs' },
        transform: [...THIS_CELL, { calculate: durationText('datum.ns'), as: 'spent' }],
        params: [ZOOM_BRUSH],
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
            axis: { tickCount: 2, format: ',~f' },
          },
          y2: { datum: 0 },
          tooltip: [
            { field: 'syncs', title: 'syncs' },
            { field: 'spent', title: 'time in them' },
            { field: 'when', title: 'from time' },
          ],
        },
      },
      {
        width: 640,
        height: 340,
        layer: [
          {
            data: { name: 'syncs' },
            transform: [...THIS_CELL, { filter: 'datum.syncs > 0' }],
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
            transform: [...THIS_CELL, { filter: { field: 'kind', oneOf: AREAS } }, ...WRITTEN],
            mark: { type: 'rect', clip: true, tooltip: true },
            encoding: {
              x: { field: 'from', type: 'quantitative', scale: ZOOMED, title: 'time since the start', axis: TIME_AXIS },
              x2: { field: 'to' },
              y: {
                field: 'low',
                type: 'quantitative',
                scale: { nice: false, zero: true },
                title: 'file offset (MiB)',
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
              tooltip: WRITTEN_TOOLTIP,
            },
          },
          {
            data: { name: 'writes' },
            transform: [
              ...THIS_CELL,
              { filter: { not: { field: 'kind', oneOf: AREAS } } },
              ...WRITTEN,
              { calculate: '(datum.from + datum.to) / 2', as: 'middle' },
              { calculate: '(datum.low + datum.high) / 2', as: 'address' },
            ],
            mark: { type: 'point', filled: true, clip: true, size: 22, opacity: 0.9, tooltip: true },
            encoding: {
              x: { field: 'middle', type: 'quantitative', scale: ZOOMED },
              y: { field: 'address', type: 'quantitative' },
              color: { field: 'kind', type: 'nominal', title: null, scale: KIND_SCALE },
              shape: { field: 'kind', type: 'nominal', title: null, scale: { domain: KINDS, range: SHAPES } },
              tooltip: WRITTEN_TOOLTIP,
            },
          },
        ],
      },
    ],
  },
  ask: (record) =>
    answered(sourcesOf(record), () => ({
      params: { shownCell: mapsOf(record)[0]?.cell ?? '' },
      controls: [
        { kind: 'select', param: 'shownCell', label: 'Policy', options: mapsOf(record).map(({ cell }) => cell) },
        { kind: 'zoom', param: 'brush', label: 'Zoom in time' },
      ],
      table: {
        caption: 'Bytes written by kind, and their range of offsets; single bins are in the chart’s data',
        columns: [
          { label: 'Policy', quantity: 'text' },
          { label: 'Kind', quantity: 'text' },
          { label: 'Bins', quantity: 'count', help: 'bins with writes of this kind' },
          { label: 'Written', quantity: 'bytes', help: 'bytes of this kind' },
          { label: 'Lowest', quantity: 'bytes', help: 'lowest offset of such a bin' },
          { label: 'Highest', quantity: 'bytes', help: 'highest offset of such a bin' },
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
      },
      words: mapsOf(record).map(({ cell, map }) => {
        const syncs = map.syncs.reduce((sum, [, count]) => sum + count, 0);
        return `${cell} wrote a file of ${formatBytes(map.fileBytes)} in ${formatDuration(map.durationNs)} with ${formatCount(syncs)} syncs.`;
      }),
    })),
};

/** Where does the processor's time go? A flame graph: call paths, as wide as their time, each above its caller. */
import type { CpuStacks, RunRecord } from '../../results/record.ts';
import { durationText, SCHEMA, TIME_AXIS, ZOOM_BRUSH } from '../charts/encodings.ts';
import { themeToken } from '../charts/palette.ts';
import { answered, type DataTable, type Question, type Row } from '../charts/question.ts';
import { countedCells } from '../reading/cells.ts';
import { formatDuration, formatShare } from '../reading/quantities.ts';
import { FRAME_DEPTH, FRAME_FILL, FRAME_NAME, placeOf, WIDE_ENOUGH } from './flame-frames.ts';

interface Profiled {
  readonly cell: string;
  readonly stacks: CpuStacks;
}

function profiledCells(record: RunRecord): Profiled[] {
  return countedCells(record).flatMap(({ cell, label }) =>
    cell.cpuStacks === undefined || cell.cpuStacks.frames.length === 0 ? [] : [{ cell: label, stacks: cell.cpuStacks }],
  );
}

/** What has a colour of its own: the parts of the engine that do the work, and what is not the engine. */
const PARTS = [
  ['engine/cache', 'vermillion'],
  ['engine/image', 'blue'],
  ['engine/io', 'green'],
  ['other engine', 'purple'],
  ['Node, system calls included', 'yellow'],
  ['garbage collector', 'orange'],
  ['everything else', 'soft'],
] as const;

function colouredPart(part: string): string {
  if (PARTS.some(([name]) => name === part)) return part;
  return part.startsWith('engine/') ? 'other engine' : 'everything else';
}

function rowsOf({ cell, stacks: { frames, totalNs } }: Profiled): Row[] {
  return frames.map(({ depth, name, place, part, startNs, selfNs, totalNs: frameNs }) => ({
    ...{ cell, depth, name, place: placeOf({ place, part }), part: colouredPart(part) },
    ...{ from: startNs, to: startNs + frameNs, selfNs, wholeNs: totalNs },
  }));
}

function share(part: string): string {
  return `${durationText(part)} + ', ' + format(${part} / datum.wholeNs, '.1%')`;
}

const BRUSHED = 'brush.from != null';
/** Frames of the policy that is shown, with what their tooltips say. */
const THIS_CELL = [
  { filter: 'datum.cell === shownCell' },
  { calculate: share('(datum.to - datum.from)'), as: 'total' },
  { calculate: share('datum.selfNs'), as: 'self' },
];
/** Where the text of a frame begins and how many pixels it has, within what is zoomed to. */
const LABELS = [
  { calculate: `${BRUSHED} ? max(datum.from, brush.from[0]) : datum.from`, as: 'textFrom' },
  { calculate: `${BRUSHED} ? min(datum.to, brush.from[1]) : datum.to`, as: 'textTo' },
  {
    calculate: `width * (datum.textTo - datum.textFrom) / (${BRUSHED} ? brush.from[1] - brush.from[0] : datum.wholeNs)`,
    as: 'widthPx',
  },
  WIDE_ENOUGH,
];

const COLOR = {
  field: 'part',
  type: 'nominal',
  title: null,
  scale: { domain: PARTS.map(([part]) => part), range: PARTS.map(([, name]) => themeToken(name)) },
  legend: { symbolType: 'square', labelLimit: 190, columns: { expr: 'narrow ? 1 : 4' } },
} as const;
const ZOOMED = { domain: { param: 'brush' }, nice: false } as const;

/** The costliest functions, which the chart shows once for each path to them. */
function tableOf(profiled: readonly Profiled[]): DataTable {
  return {
    caption: 'The ten functions with the most time of their own, over all call paths',
    columns: [
      { label: 'Policy', quantity: 'text' },
      { label: 'Function', quantity: 'text' },
      { label: 'Place', quantity: 'text', help: 'file and line' },
      { label: 'Part', quantity: 'text' },
      { label: 'Self', quantity: 'duration', help: 'time in the function itself' },
      { label: 'Self, share', quantity: 'share', help: 'of the time of all samples' },
      { label: 'Total', quantity: 'duration', help: 'with everything that it calls' },
      { label: 'Total, share', quantity: 'share', help: 'of the time of all samples' },
    ],
    rows: profiled.flatMap(({ cell, stacks: { functions, totalNs: wholeNs } }) =>
      functions.map(({ name, place, part, selfNs, totalNs }) => [
        ...[cell, name, place, part],
        ...[selfNs, selfNs / wholeNs, totalNs, totalNs / wholeNs],
      ]),
    ),
  };
}

function sentence({ cell, stacks: { functions, totalNs } }: Profiled): string {
  const sampled = `${cell}: ${formatDuration(totalNs)} sampled`;
  const [costliest] = functions;
  if (costliest === undefined) return `${sampled}.`;
  const { name, selfNs } = costliest;
  return `${sampled}; the costliest function is ${name} (${placeOf(costliest)}), with ${formatShare(selfNs / totalNs)} in itself.`;
}

export const cpuFlame: Question = {
  id: 'cpu-flame',
  title: 'Where does the CPU time go?',
  reading:
    'A flame graph of one more replay under the CPU profiler: each bar is a function, as wide as its time, and stands on its caller; the order from left to right is by size, not by time. Calls that wait for the device count while they wait. Paths of less than 0.5 % are left out. Drag over the upper strip to zoom.',
  absent: 'This run was not profiled: run it with --cpu-prof.',
  optional: true,
  renderer: 'svg',
  spec: {
    $schema: SCHEMA,
    params: [{ name: 'shownCell', value: '' }],
    data: { name: 'frames' },
    vconcat: [
      {
        width: 640,
        height: 46,
        transform: THIS_CELL,
        params: [ZOOM_BRUSH],
        mark: { type: 'rect', fillOpacity: FRAME_FILL, tooltip: null },
        encoding: {
          x: { field: 'from', type: 'quantitative', title: null, scale: { nice: false }, axis: null },
          x2: { field: 'to' },
          y: FRAME_DEPTH,
          color: COLOR,
        },
      },
      {
        width: 640,
        height: { step: 18 },
        transform: THIS_CELL,
        encoding: { y: FRAME_DEPTH },
        layer: [
          {
            mark: { type: 'rect', clip: true, fillOpacity: FRAME_FILL, stroke: themeToken('page'), tooltip: true },
            encoding: {
              x: { field: 'from', type: 'quantitative', title: 'time in samples', scale: ZOOMED, axis: TIME_AXIS },
              x2: { field: 'to' },
              color: COLOR,
              tooltip: [
                { field: 'name', title: 'function' },
                { field: 'place', title: 'place' },
                { field: 'total', title: 'total' },
                { field: 'self', title: 'self' },
              ],
            },
          },
          {
            transform: LABELS,
            mark: FRAME_NAME,
            encoding: {
              x: { field: 'textFrom', type: 'quantitative', scale: ZOOMED },
              text: { field: 'name' },
            },
          },
        ],
      },
    ],
  },
  ask: (record) => {
    const profiled = profiledCells(record);
    return answered({ frames: profiled.flatMap(rowsOf) }, () => ({
      params: { shownCell: profiled[0]?.cell ?? '' },
      controls: [
        { kind: 'select', param: 'shownCell', label: 'Policy', options: profiled.map(({ cell }) => cell) },
        { kind: 'zoom', param: 'brush', label: 'Zoom into the flame graph' },
      ],
      table: tableOf(profiled),
      words: profiled.map(sentence),
    }));
  },
};

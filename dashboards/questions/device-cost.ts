/**
 * What would it cost on another device: syncs with work and syncs without are counted exactly, and each kind is given the time that
 * the reader chooses. What the two kinds cost decides which policy is best, so the chart shows where its lines cross.
 */
import type { RunRecord } from '../../results/record.ts';
import { syncWork } from '../../results/sync-work.ts';
import {
  CELL_COLOR,
  CELL_DASH,
  CELL_SHAPE,
  CELLS_PARAM,
  durationText,
  logDuration,
  SCHEMA,
} from '../charts/encodings.ts';
import { answered, type Control, type Question, type Row } from '../charts/question.ts';
import { type CountedCell, countedCells } from '../reading/cells.ts';
import { formatCount, formatDuration, formatRatio } from '../reading/quantities.ts';

/** The sliders run over powers of ten of a millisecond. */
const UNIT_NS = 1e6;
const WORKING = { param: 'working', lowest: -2, highest: 1.5, fallback: 0 } as const;
const IDLE = { param: 'idle', lowest: -4, highest: 0, fallback: -1 } as const;
const STEP = 0.05;

export interface Waits {
  readonly cell: string;
  /** Syncs with work, and O_DSYNC writes. */
  readonly working: number;
  /** Syncs that find nothing to write. */
  readonly idle: number;
}

/** A record that does not tell syncs apart counts all of them as with work. */
export function waitsOfCells(record: RunRecord): Waits[] {
  return countedCells(record).flatMap(({ cell, exact, label }: CountedCell) => {
    const { working, idle } = syncWork(cell) ?? { working: exact.fsyncs, idle: 0 };
    const waits = { cell: label, working: working + exact.odsyncWrites, idle };
    return waits.working + waits.idle === 0 ? [] : [waits];
  });
}

export interface Crossing {
  readonly cheaperBefore: Waits;
  readonly cheaperAfter: Waits;
  /** How many times as long as a sync without work one with work takes where the two policies cost the same. */
  readonly ratio: number;
}

/** Where two policies change places: a·t + b·t₀ = c·t + d·t₀, whatever t₀ is, at t/t₀ = (d − b) / (a − c). */
export function crossingsOf(waits: readonly Waits[]): Crossing[] {
  return waits.flatMap((one, index) =>
    waits.slice(index + 1).flatMap((other): Crossing[] => {
      const [many, few] = one.working > other.working ? [one, other] : [other, one];
      if (many.working === few.working || few.idle <= many.idle) return [];
      const ratio = (few.idle - many.idle) / (many.working - few.working);
      // A sync with work never takes less than one without.
      return ratio > 1 ? [{ cheaperBefore: many, cheaperAfter: few, ratio }] : [];
    }),
  );
}

/** A slider's position for a probed time. */
function exponentOf(ns: number | undefined, { lowest, highest, fallback }: typeof WORKING | typeof IDLE): number {
  if (ns === undefined || !(ns > 0)) return fallback;
  const exact = Math.log10(ns / UNIT_NS);
  return Number(Math.min(Math.max(Math.round(exact / STEP) * STEP, lowest), highest).toFixed(2));
}

function startOf({ environment: { storageCosts } }: RunRecord): { working: number; idle: number } {
  return { working: exponentOf(storageCosts?.syncNs, WORKING), idle: exponentOf(storageCosts?.cleanSyncNs, IDLE) };
}

function slider(from: typeof WORKING | typeof IDLE, label: string, value: number): Control {
  const terms = [
    { param: WORKING.param, words: 'sync with work', unitNs: UNIT_NS, times: 'working' },
    { param: IDLE.param, words: 'without', unitNs: UNIT_NS, times: 'idle' },
  ];
  const { param, lowest: min, highest: max } = from;
  return {
    kind: 'range',
    param,
    label,
    min,
    max,
    step: STEP,
    value,
    readout: { source: 'rows', label: 'cell', terms },
  };
}

const COST = 'datum.working * datum.ns + datum.idle * idleNs';
const TIP = [
  { field: 'cell', title: 'policy' },
  { field: 'when', title: 'sync with work' },
  { field: 'shown', title: 'waiting' },
];
const SHOWN = [
  { calculate: COST, as: 'cost' },
  { calculate: durationText('datum.ns'), as: 'when' },
  { calculate: durationText('datum.cost'), as: 'shown' },
];
const X = logDuration('x', 'ns', 'time of one sync with work (log scale)');
const Y = logDuration('y', 'cost', 'waiting for the disk (log scale)');

function rowsOf(record: RunRecord): Row[] {
  return waitsOfCells(record).map(({ cell, working, idle }) => ({ cell, working, idle }));
}

function crossingRows(record: RunRecord): Row[] {
  return crossingsOf(waitsOfCells(record)).map(({ cheaperBefore: { cell, working, idle }, cheaperAfter, ratio }) => ({
    ...{ working, idle, ratio },
    says: `from here ${cheaperAfter.cell} costs less than ${cell}`,
  }));
}

export const deviceCost: Question = {
  id: 'device-cost',
  title: 'What would it cost on another device?',
  reading:
    'Waiting = syncs with work × their time + syncs without work × theirs. Counts are exact; the sliders begin at what this storage was probed to take. Open circles: two policies change places.',
  absent: 'No policy of this run waited for the disk, so a slower disk would change nothing here.',
  renderer: 'svg',
  spec: {
    $schema: SCHEMA,
    params: [
      CELLS_PARAM,
      { name: WORKING.param, value: WORKING.fallback },
      { name: IDLE.param, value: IDLE.fallback },
      { name: 'workingNs', expr: `pow(10, ${WORKING.param}) * ${UNIT_NS}` },
      { name: 'idleNs', expr: `pow(10, ${IDLE.param}) * ${UNIT_NS}` },
    ],
    width: 640,
    height: 300,
    layer: [
      {
        data: { name: 'rows' },
        transform: [
          { calculate: `sequence(${WORKING.lowest}, ${WORKING.highest} + 0.01, 0.125)`, as: 'power' },
          { flatten: ['power'] },
          { calculate: `pow(10, datum.power) * ${UNIT_NS}`, as: 'ns' },
          ...SHOWN,
        ],
        mark: { type: 'line', strokeWidth: 2, tooltip: true },
        encoding: { x: X, y: Y, color: CELL_COLOR, strokeDash: CELL_DASH, tooltip: TIP },
      },
      {
        data: { values: [{}] },
        mark: { type: 'rule', strokeWidth: 1 },
        encoding: { x: { datum: { expr: 'workingNs' }, type: 'quantitative' } },
      },
      {
        data: { name: 'crossings' },
        transform: [
          { calculate: 'datum.ratio * idleNs', as: 'ns' },
          {
            filter: `datum.ns > pow(10, ${WORKING.lowest}) * ${UNIT_NS} && datum.ns < pow(10, ${WORKING.highest}) * ${UNIT_NS}`,
          },
          ...SHOWN,
        ],
        mark: { type: 'point', filled: false, size: 130, strokeWidth: 2, opacity: 1, tooltip: true },
        encoding: {
          x: { field: 'ns', type: 'quantitative' },
          y: { field: 'cost', type: 'quantitative' },
          tooltip: [{ field: 'says', title: 'crossing' }, ...TIP.slice(1)],
        },
      },
      {
        data: { name: 'rows' },
        transform: [{ calculate: 'workingNs', as: 'ns' }, ...SHOWN],
        mark: { type: 'point', filled: true, size: 110, opacity: 1, tooltip: true },
        encoding: {
          x: { field: 'ns', type: 'quantitative' },
          y: { field: 'cost', type: 'quantitative' },
          color: CELL_COLOR,
          shape: CELL_SHAPE,
          tooltip: TIP,
        },
      },
    ],
  },
  ask: (record) =>
    answered({ rows: rowsOf(record), crossings: crossingRows(record) }, () => ({
      params: startOf(record),
      controls: [
        slider(WORKING, 'Time of a sync with work', startOf(record).working),
        slider(IDLE, 'of one without', startOf(record).idle),
      ],
      table: {
        caption: 'What each policy waits for, and what it waits with the times that the sliders begin at',
        columns: [
          { label: 'Policy', quantity: 'text' },
          { label: 'Syncs with work, O_DSYNC writes', quantity: 'count', help: 'waits in which something is written' },
          { label: 'Syncs without work', quantity: 'count', help: 'syncs that found nothing to write' },
          { label: 'Waiting', quantity: 'duration', help: 'both, at the times that the sliders begin at' },
        ],
        rows: waitsOfCells(record).map(({ cell, working, idle }) => {
          const start = startOf(record);
          const ns = (working * 10 ** start.working + idle * 10 ** start.idle) * UNIT_NS;
          return [cell, working, idle, Math.round(ns)];
        }),
      },
      words: [
        ...waitsOfCells(record).map(
          ({ cell, working, idle }) =>
            `${cell} waits ${formatCount(working)} times with work and ${formatCount(idle)} times without.`,
        ),
        ...crossingsOf(waitsOfCells(record)).map(
          ({ cheaperBefore, cheaperAfter, ratio }) =>
            `${cheaperAfter.cell} waits less than ${cheaperBefore.cell} where a sync with work takes more than ${formatRatio(ratio)} as long as one without (here: more than ${formatDuration(ratio * 10 ** startOf(record).idle * UNIT_NS)}).`,
        ),
      ],
    })),
};

/** Where did the time go: device reads, writes and syncs, the engine's own CPU time, and what neither explains. */
import { timedRounds } from '../../results/cell-results.ts';
import type { RunRecord } from '../../results/record.ts';
import { CELL_ROWS, TIME_AXIS } from '../charts/encodings.ts';
import { themeToken } from '../charts/palette.ts';
import { answered, type Question, type Row } from '../charts/question.ts';
import { countedCells, median } from '../reading/cells.ts';
import { formatDuration, formatShare } from '../reading/quantities.ts';

const PARTS = ['syncs', 'file writes', 'file reads', 'engine CPU', 'not explained'] as const;
const COLORS = ['vermillion', 'blue', 'green', 'purple', 'line'] as const;

interface Breakdown {
  readonly cell: string;
  readonly wallNs: number;
  readonly parts: readonly (readonly [(typeof PARTS)[number], number])[];
}

/** One round a cell, the one with the median wall time, so that its parts belong together. */
function breakdownsOf(record: RunRecord): Breakdown[] {
  return countedCells(record).flatMap(({ cell, label }) => {
    const middle = median(timedRounds(cell).map(({ wallNs }) => wallNs));
    const round = [...timedRounds(cell)].sort((a, b) => Math.abs(a.wallNs - middle) - Math.abs(b.wallNs - middle))[0];
    if (round === undefined) return [];
    const { sync, write, read } = round.deviceNs;
    const known = sync + write + read + round.userCpuNs;
    const parts = [sync, write, read, round.userCpuNs, Math.max(round.wallNs - known, 0)];
    return [
      { cell: label, wallNs: round.wallNs, parts: PARTS.map((part, index) => [part, parts[index] ?? 0] as const) },
    ];
  });
}

function rowsOf(record: RunRecord): Row[] {
  return breakdownsOf(record).flatMap(({ cell, wallNs, parts }) => {
    let fromNs = 0;
    return parts.map(([part, ns]) => {
      const start = fromNs;
      fromNs += ns;
      return { cell, part, fromNs: start, toNs: fromNs, ns, took: formatDuration(ns), share: formatShare(ns / wallNs) };
    });
  });
}

export const costModel: Question = {
  id: 'cost-model',
  title: 'Where did the time go?',
  reading:
    'The round with the median wall time, split into time in file calls, CPU time of the engine, and the rest. Noisy.',
  absent: 'No round was timed in this run.',
  renderer: 'svg',
  spec: {
    ...CELL_ROWS,
    width: 640,
    height: { step: 40 },
    mark: { type: 'bar', tooltip: true, height: { band: 0.62 }, stroke: themeToken('page'), strokeWidth: 1 },
    encoding: {
      y: {
        field: 'cell',
        type: 'nominal',
        sort: null,
        title: null,
        axis: { ticks: false, domain: false },
      },
      x: {
        field: 'fromNs',
        type: 'quantitative',
        title: 'wall time of one round',
        axis: TIME_AXIS,
      },
      x2: { field: 'toNs' },
      color: {
        field: 'part',
        type: 'nominal',
        title: null,
        scale: { domain: [...PARTS], range: COLORS.map((name) => themeToken(name)) },
        legend: { columns: { expr: 'narrow ? 2 : 5' } },
      },
      tooltip: [
        { field: 'cell', title: 'policy' },
        { field: 'part', title: 'part' },
        { field: 'took', title: 'time' },
        { field: 'share', title: 'of wall time' },
      ],
    },
  },
  ask: (record) =>
    answered({ rows: rowsOf(record) }, () => ({
      table: {
        caption: 'Parts of the round with the median wall time',
        columns: [
          { label: 'Policy', quantity: 'text' },
          { label: 'Wall time', quantity: 'duration', help: 'from the first request to the close' },
          ...PARTS.map((part) => ({ label: part, quantity: 'duration', help: `${part}, of that round` }) as const),
        ],
        rows: breakdownsOf(record).map(({ cell, wallNs, parts }) => [cell, wallNs, ...parts.map(([, ns]) => ns)]),
      },
      words: breakdownsOf(record).map(({ cell, wallNs, parts }) => {
        const [most, mostNs] = parts.reduce((best, next) => (next[1] > best[1] ? next : best));
        const cpuNs = parts.find(([part]) => part === 'engine CPU')?.[1] ?? 0;
        const largest =
          most === 'not explained' ? 'no single part explains it' : `${most} ${formatShare(mostNs / wallNs)}`;
        return `${cell}: ${formatDuration(wallNs)}; the largest part: ${largest}; engine CPU ${formatShare(cpuNs / wallNs)}.`;
      }),
    })),
};

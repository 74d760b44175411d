/**
 * Every metric of every matched cell on both sides: what it was, what it is, and whether the difference is one. Counts are exact, so every
 * difference of them is; a time changed where pairs of rounds of one interleaved run say so, and separate runs say nothing.
 */
import { timedRounds } from '../../results/cell-results.ts';
import { exactMetrics } from '../../results/comparison-exact.ts';
import type { Cell, TimeComparison } from '../../results/record.ts';
import type { Quantity } from '../charts/question.ts';
import { median } from '../reading/cells.ts';
import { intervalWords, verdictWords } from '../reading/paired-times.ts';
import { type MatchedCell, type SideCell, sideWallNs } from './matched-cells.ts';

export interface Change {
  /** Of the matched cell. */
  readonly key: string;
  readonly workload: string;
  readonly policy: string;
  readonly metric: string;
  readonly quantity: Exclude<Quantity, 'text'>;
  readonly base: number | null;
  readonly head: number | null;
  /** Head over base; null where either is zero or they may not be compared. */
  readonly ratio: number | null;
  readonly tone: 'good' | 'warn' | 'unknown';
  /** In the words of a table's cell. */
  readonly significance: string;
  readonly isSignificant: boolean;
  /** Sorts: the larger, the more it matters. */
  readonly relevance: number;
  /** The same number in another run. */
  readonly of: (side: SideCell) => number | null;
}

/** Totals that are listed on both sides even where they are equal, in the order of what they cost; with how much each matters. */
const TOTALS: readonly (readonly [metric: string, title: string, quantity: 'count' | 'bytes', weight: number])[] = [
  ['workingSyncs', 'syncs with work', 'count', 8],
  ['fsyncs', 'syncs', 'count', 7],
  ['odsyncWrites', 'O_DSYNC writes', 'count', 7],
  ['writes', 'writes', 'count', 5],
  ['writeBytes', 'bytes written', 'bytes', 6],
  ['reads', 'reads', 'count', 3],
  ['readBytes', 'bytes read', 'bytes', 3],
  ['imageBytes', 'size of the image', 'bytes', 4],
];
const DEEPER_WEIGHT = 1;
const TIME_WEIGHT = 9;

const TIMES: Readonly<Record<string, readonly [title: string, of: (round: Cell['rounds'][number]) => number]>> = {
  wall: ['wall time', ({ wallNs }) => wallNs],
  cpu: ['CPU time', ({ userCpuNs, systemCpuNs }) => userCpuNs + systemCpuNs],
  flush: ['median guest flush', ({ flushNs }) => flushNs ?? 0],
  engine: ['engine time', ({ wallNs, deviceNs: { read, write, sync } }) => wallNs - read - write - sync],
  device: ['device time', ({ deviceNs: { read, write, sync } }) => read + write + sync],
};

function ratioOf(base: number, head: number): number | null {
  return base === 0 || head === 0 ? null : head / base;
}

function exactChanges({ key, workload, label, baseline, candidate }: MatchedCell): Change[] {
  const [before, after] = [baseline[0]?.exact, candidate[0]?.exact];
  if (before === undefined || after === undefined) return [];
  const [from, to] = [exactMetrics(before), exactMetrics(after)];
  const named = new Map(TOTALS.map((total) => [total[0], total]));
  return [...new Set([...from.keys(), ...to.keys()])].flatMap((metric): Change[] => {
    const [base, head] = [from.get(metric) ?? 0, to.get(metric) ?? 0];
    const total = named.get(metric);
    // A side of a version that did not tell syncs apart has no such count.
    const isKnown = !metric.startsWith('workingSyncs') || (from.has(metric) && to.has(metric));
    if (!isKnown || (total === undefined && base === head)) return [];
    const [, title = metric, quantity = /bytes$/i.test(metric) ? 'bytes' : 'count', weight = DEEPER_WEIGHT] =
      total ?? [];
    const size = Math.abs(Math.log((head + 1) / (base + 1)));
    return [
      {
        ...{ key, workload, policy: label, metric: title, quantity, base, head, ratio: ratioOf(base, head) },
        of: ({ exact }) => exactMetrics(exact).get(metric) ?? null,
        tone: base === head ? 'unknown' : head > base ? 'warn' : 'good',
        significance: base === head ? 'equal' : 'exact: every difference counts',
        isSignificant: base !== head,
        relevance: base === head ? 0 : weight * 100 + Math.min(size * 10, 99),
      },
    ];
  });
}

function medianOf(cell: Cell, of: (round: Cell['rounds'][number]) => number): number | null {
  const values = timedRounds(cell).map(of);
  return values.length === 0 ? null : median(values);
}

function timeChange({ key, workload, label, baseline, candidate }: MatchedCell, time: TimeComparison): Change[] {
  const [before, after] = [baseline[0]?.cell, candidate[0]?.cell];
  const known = TIMES[time.metric];
  if (before === undefined || after === undefined || known === undefined) return [];
  const [title, of] = known;
  const isSignificant = time.verdict === 'changed';
  const { ratio } = time.interval;
  return [
    {
      ...{ key, workload, policy: label, metric: title, quantity: 'duration', isSignificant },
      of: ({ cell }) => medianOf(cell, of),
      ...{ base: medianOf(before, of), head: medianOf(after, of) },
      // A ratio that is not settled is no finding; its range is beside it.
      ratio: time.verdict === 'unsure' ? null : ratio,
      tone: !isSignificant ? 'unknown' : ratio > 1 ? 'warn' : 'good',
      significance: `${verdictWords(time)}; ${intervalWords(time)}`,
      relevance: isSignificant ? TIME_WEIGHT * 100 + Math.abs(Math.log(ratio)) : 0.1,
    },
  ];
}

function separateTimes(matched: MatchedCell): Change[] {
  const [base, head] = [sideWallNs(matched.baseline), sideWallNs(matched.candidate)];
  if (base === null || head === null) return [];
  return [
    {
      ...{ key: matched.key, workload: matched.workload, policy: matched.label },
      of: ({ cell }) => medianOf(cell, ({ wallNs }) => wallNs),
      ...{ metric: 'wall time', quantity: 'duration', base, head },
      ...{ ratio: null, tone: 'unknown', isSignificant: false, relevance: 0 },
      significance: 'separate runs: not compared',
    },
  ];
}

/** The most relevant first. `timesOf`: the verdicts of one interleaved run on a matched cell; null where the runs are separate. */
export function changesOf(
  matched: readonly MatchedCell[],
  timesOf: ((matched: MatchedCell) => readonly TimeComparison[]) | null,
): Change[] {
  return matched
    .flatMap((cell) => [
      ...exactChanges(cell),
      ...(timesOf === null ? separateTimes(cell) : timesOf(cell).flatMap((time) => timeChange(cell, time))),
    ])
    .toSorted((a, b) => b.relevance - a.relevance);
}

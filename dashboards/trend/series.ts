/**
 * Points of the same cell, workload and machine over the runs, and where their level changed: an exact figure at every
 * difference, a noisy one only where its change-point test says so (see `results/change-points.ts`).
 */
import { changePoints, exactChanges } from '../../results/change-points.ts';
import { formatBytes, formatCount, formatDuration } from '../reading/quantities.ts';
import type { FigureId, Point, RunSummary } from './run-points.ts';

export interface FigureKind {
  readonly id: FigureId;
  readonly title: string;
  readonly exact: boolean;
  readonly quantity: 'count' | 'bytes' | 'duration';
  readonly help: string;
  readonly show: (value: number) => string;
}

/** Of all of them less is better. */
export const FIGURES: readonly FigureKind[] = [
  {
    id: 'waits',
    title: 'Waits for the disk',
    exact: true,
    quantity: 'count',
    help: 'syncs plus O_DSYNC writes, exact',
    show: formatCount,
  },
  {
    id: 'written',
    title: 'Bytes written',
    exact: true,
    quantity: 'bytes',
    help: 'bytes of all writes, exact',
    show: formatBytes,
  },
  {
    id: 'wall',
    title: 'Wall time',
    exact: false,
    quantity: 'duration',
    help: 'median over the rounds of a run, noisy',
    show: formatDuration,
  },
  {
    id: 'flush',
    title: 'Guest flush, p99',
    exact: false,
    quantity: 'duration',
    help: '99 % of the guest flushes completed within this time, noisy',
    show: formatDuration,
  },
];

export interface LevelChange {
  /** Index of the first point at the new level. */
  readonly index: number;
  readonly before: number;
  readonly after: number;
}

export interface Series {
  readonly figure: FigureKind;
  readonly machine: string;
  readonly workload: string;
  readonly policy: string;
  /** The policy's name and what tells it from its namesakes under the same workload. */
  readonly label: string;
  /** In the order of their commits. */
  readonly points: readonly Point[];
  readonly values: readonly number[];
  /** The level that each point belongs to: for an exact figure the point itself. */
  readonly levels: readonly number[];
  readonly changes: readonly LevelChange[];
}

function identity({ policy, attributes }: Point): string {
  return JSON.stringify([policy, attributes]);
}

/** Names of the attributes that differ between points of one policy. */
function telling(points: readonly Point[]): Set<string> {
  const seen = new Map<string, Set<string>>();
  for (const { attributes } of points)
    for (const [name, value] of attributes) seen.set(name, (seen.get(name) ?? new Set()).add(value));
  return new Set([...seen].filter(([, values]) => values.size > 1).map(([name]) => name));
}

function levelsOf(figure: FigureKind, values: readonly number[]): Pick<Series, 'levels' | 'changes'> {
  if (figure.exact) return { levels: values, changes: exactChanges(values) };
  const positive = values.every((value) => value > 0);
  const changes = positive ? changePoints(values) : [];
  const sorted = values.toSorted((a, b) => a - b);
  const whole = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const levels = values.map((_, index) => {
    const last = changes.findLast((change) => change.index <= index);
    return last?.after ?? changes[0]?.before ?? whole;
  });
  return { levels, changes };
}

function seriesOf(label: string, points: readonly Point[]): Series[] {
  const ordered = points.toSorted((a, b) => a.date.localeCompare(b.date) || a.runId.localeCompare(b.runId));
  const [first] = ordered;
  if (first === undefined) return [];
  return FIGURES.flatMap((figure) => {
    const having = ordered.filter(({ figures }) => figures[figure.id] !== undefined);
    if (having.length === 0) return [];
    const values = having.map(({ figures }) => figures[figure.id]?.value ?? 0);
    const { machine, workload, policy } = first;
    return [{ figure, machine, workload, policy, label, points: having, values, ...levelsOf(figure, values) }];
  });
}

/** All series, by workload, machine, policy and figure. */
export function allSeries(runs: readonly RunSummary[]): Series[] {
  const points = runs.flatMap((run) => run.points);
  const byWorkload = Map.groupBy(points, ({ workload }) => workload);
  return [...byWorkload.values()].flatMap((ofWorkload) =>
    [...Map.groupBy(ofWorkload, ({ policy }) => policy).values()].flatMap((namesakes) => {
      const names = telling(namesakes);
      const groups = Map.groupBy(namesakes, (point) => JSON.stringify([point.machine, identity(point)]));
      return [...groups.values()].flatMap((group) => {
        const words = (group[0]?.attributes ?? []).filter(([name]) => names.has(name));
        return seriesOf([group[0]?.policy, ...words.map((word) => word.join(' '))].join(', '), group);
      });
    }),
  );
}

/** How the level last changed: less is better in all figures. */
export function lastChange({ changes }: Series): { change: LevelChange; worse: boolean } | null {
  const change = changes.at(-1);
  return change === undefined ? null : { change, worse: change.after > change.before };
}

export function commitLabel({ commit, dirty }: Pick<Point, 'commit' | 'dirty'>): string {
  return commit === null ? 'no commit' : `${commit.slice(0, 7)}${dirty ? '+' : ''}`;
}

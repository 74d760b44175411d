/**
 * What the dashboard keeps of each run: one point for every cell that was counted, with the figures whose trend is shown.
 * A record itself may weigh megabytes; its points are a few numbers.
 */
import type { Cell, ExactCounters, RunRecord } from '../../results/record.ts';
import { bootstrapMedianInterval } from '../../results/statistics-bootstrap.ts';
import { workloadAttributes, workloadIdentity } from '../../results/workload-identity.ts';
import { cellAttributes, median, timesMeaningless, waitsOf } from '../reading/cells.ts';
import type { CommitFacts } from '../reading/commit-facts.ts';
import { timedRounds } from '../reading/paired-times.ts';
import { withVisibleLabels } from '../reading/visible-labels.ts';
import { workloadLabel } from '../reading/workload-label.ts';

/** A figure of one cell in one run, with its interval where it is noisy. */
export interface Figure {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

const FIGURE_IDS = ['waits', 'written', 'wall', 'flush'] as const;
export type FigureId = (typeof FIGURE_IDS)[number];

export interface Point {
  readonly runId: string;
  /** Sorts points: when the commit was made, or the run where that is not known. */
  readonly date: string;
  readonly commit: string | null;
  readonly dirty: boolean;
  readonly subject: string;
  readonly machine: string;
  readonly workload: string;
  /** Equal for the same requests on the same disk, whatever the workload is called. */
  readonly identity: string;
  readonly policy: string;
  /** Everything besides the policy's name that tells a cell from others, in words. */
  readonly attributes: readonly (readonly [name: string, value: string])[];
  readonly figures: Readonly<Partial<Record<FigureId, Figure>>>;
}

export interface RunSummary {
  readonly runId: string;
  readonly startedAt: string;
  readonly status: RunRecord['status'];
  readonly machine: string;
  readonly workload: string;
  readonly identity: string;
  readonly commit: string | null;
  readonly dirty: boolean;
  readonly subject: string;
  readonly cells: number;
  /** What speaks against the run, in words; empty for a sound one. */
  readonly findings: readonly string[];
  readonly points: readonly Point[];
}

/** Parameters that say which commit was measured, not how. */
const SOURCE_PARAMETERS = ['revision', 'commit'];

function machineLabel({ environment: e }: RunRecord): string {
  return `${e.cpu} (${e.machine})`;
}

function exactly(value: number): Figure {
  return { value, low: value, high: value };
}

const CONFIDENCE = 0.95;

function figuresOf(record: RunRecord, cell: Cell, exact: ExactCounters): Point['figures'] {
  const figures: Partial<Record<FigureId, Figure>> = {
    waits: exactly(waitsOf(exact)),
    written: exactly(exact.writeBytes),
  };
  if (timesMeaningless(record, cell) !== null) return figures;
  const walls = timedRounds(cell).map(({ wallNs }) => wallNs);
  if (walls.length > 0) figures.wall = { value: median(walls), ...bootstrapMedianInterval(walls, CONFIDENCE) };
  const flush = cell.histograms.guestFlush;
  if (flush !== undefined && flush.count > 0) figures.flush = exactly(flush.p99Ns);
  return figures;
}

function findingsOf(record: RunRecord): string[] {
  const found = record.status === 'complete' ? [] : [`not complete (${record.status})`];
  for (const { id, deterministic, verification: v } of record.cells) {
    if (!deterministic) found.push(`${id}: rounds counted differently`);
    if (v.content === 'different') found.push(`${id}: guest data differ`);
    if (v.check === 'corrupt') found.push(`${id}: image corrupt`);
  }
  return found;
}

function namesOf(record: RunRecord) {
  return { workload: workloadLabel(record), identity: workloadIdentity(record.workload) };
}

/** Points are taken from sound cells only; `commits` knows the subjects and dates of those that git has. */
export function summariseRun(hostile: RunRecord, commits: ReadonlyMap<string, CommitFacts>): RunSummary {
  const record = withVisibleLabels(hostile);
  const { source, startedAt, runId } = record;
  const known = (commit: string | null) =>
    withVisibleLabels([...commits].find(([hash]) => commit !== null && hash.startsWith(commit))?.[1] ?? null);
  const common = { runId, machine: machineLabel(record), ...namesOf(record) };
  const points = record.cells.flatMap((cell): Point[] => {
    if (cell.exact === null || !cell.deterministic || cell.verification.content === 'different') return [];
    const measured = cell.policy.parameters.commit;
    const commit = measured === undefined ? source.commit : String(measured);
    const facts = known(commit);
    const { policy, image } = cellAttributes(cell);
    return [
      {
        ...common,
        commit,
        dirty: measured === undefined && source.dirty,
        date: facts?.date ?? startedAt,
        subject: facts?.subject ?? '',
        policy: cell.policy.name,
        attributes: [...workloadAttributes(record.workload), ...policy, ...image].filter(
          ([name]) => !SOURCE_PARAMETERS.includes(name),
        ),
        figures: figuresOf(record, cell, cell.exact),
      },
    ];
  });
  return {
    ...common,
    startedAt,
    status: record.status,
    commit: source.commit,
    dirty: source.dirty,
    subject: known(source.commit)?.subject ?? '',
    cells: record.cells.length,
    findings: findingsOf(record),
    points,
  };
}

/** The runs, each workload under the name that it had last: a trace that was moved is still the same trace. */
export function underNewestNames(runs: readonly RunSummary[]): RunSummary[] {
  const oldestFirst = runs.toSorted((a, b) => a.startedAt.localeCompare(b.startedAt));
  const newest = new Map(oldestFirst.map(({ identity, workload }) => [identity, workload]));
  return runs.map((run) => {
    const workload = newest.get(run.identity) ?? run.workload;
    return { ...run, workload, points: run.points.map((point) => ({ ...point, workload })) };
  });
}

/**
 * What the dashboard keeps of each run: one point for every cell that was counted, with the figures whose trend is shown.
 * A record itself may weigh megabytes; its points are a few numbers.
 */
import { timedRounds } from '../../results/cell-results.ts';
import type { Cell, ExactCounters, RunRecord } from '../../results/record.ts';
import { bootstrapMedianInterval } from '../../results/statistics-bootstrap.ts';
import { workloadAttributes, workloadIdentity } from '../../results/workload-identity.ts';
import { workloadParts } from '../../results/workload-parts.ts';
import { imageAdvice, type StorageAdvice } from '../reading/advice.ts';
import { cellAttributes, median, timesMeaningless, waitsOf } from '../reading/cells.ts';
import type { CommitFacts } from '../reading/commit-facts.ts';
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
  /** What it was measured on. */
  readonly storage: string;
  readonly workload: string;
  /** Equal for the same requests on the same disk, whatever the workload is called. */
  readonly identity: string;
  readonly policy: string;
  /** Everything besides the policy's name that tells a cell from others, in words. */
  readonly attributes: readonly (readonly [name: string, value: string])[];
  readonly figures: Readonly<Partial<Record<FigureId, Figure>>>;
}

/** Which policy on one storage. */
export interface StorageAnswer extends Pick<StorageAdvice, 'isModel' | 'outcome' | 'best' | 'factor' | 'versus'> {
  /** The file system on its machine, or a modelled device. */
  readonly storage: string;
  readonly workload: string;
  readonly identity: string;
  /** What tells its image from others of the run; empty where there is one. */
  readonly image: string;
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
  /** The measured one first. */
  readonly storages: readonly StorageAnswer[];
  /** The site has a page of it. */
  readonly hasReport: boolean;
}

/** Parameters that say which commit was measured, not how. */
const SOURCE_PARAMETERS = ['revision', 'commit'];

function machineLabel({ environment: e }: RunRecord): string {
  return `${e.cpu} (${e.machine})`;
}

function storageLabel(record: RunRecord, device: Pick<Cell['device'], 'kind' | 'name'>): string {
  return device.kind === 'model' ? `model ${device.name}` : `${device.name} on ${machineLabel(record)}`;
}

/** Of a record of one workload. */
function storagesOfPart(record: RunRecord): StorageAnswer[] {
  if (record.cells.every(({ exact }) => exact === null)) return [];
  return imageAdvice(record).flatMap(({ image, advice }) =>
    advice.storages.map(({ id, isModel, outcome, best, factor, versus }): StorageAnswer => {
      const device = isModel
        ? { kind: 'model' as const, name: id }
        : { kind: 'real' as const, name: record.environment.fileSystem.type };
      return {
        storage: storageLabel(record, device),
        ...namesOf(record),
        image,
        isModel,
        outcome,
        best,
        factor,
        versus,
      };
    }),
  );
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

/** A run of several workloads is named by all of them; its points by one each. */
function namesOf(record: RunRecord) {
  const all = workloadParts(record).map(({ workload }) => workload);
  return {
    workload: all.map((workload) => workloadLabel({ workload })).join('; '),
    identity: all.map(workloadIdentity).join('; '),
  };
}

/** Points are taken from sound cells only; `commits` knows the subjects and dates of those that git has. */
export function summariseRun(hostile: RunRecord, commits: ReadonlyMap<string, CommitFacts>): RunSummary {
  const record = withVisibleLabels(hostile);
  const { source, startedAt, runId } = record;
  const known = (commit: string | null) =>
    withVisibleLabels([...commits].find(([hash]) => commit !== null && hash.startsWith(commit))?.[1] ?? null);
  const run = { runId, machine: machineLabel(record) };
  const pointOf = (part: RunRecord, cell: Cell): Point[] => {
    if (cell.exact === null || !cell.deterministic || cell.verification.content === 'different') return [];
    const measured = cell.policy.parameters.commit;
    const commit = measured === undefined ? source.commit : String(measured);
    const facts = known(commit);
    const { policy, image } = cellAttributes(cell);
    return [
      {
        ...run,
        ...namesOf(part),
        commit,
        dirty: measured === undefined && source.dirty,
        date: facts?.date ?? startedAt,
        subject: facts?.subject ?? '',
        storage: storageLabel(record, cell.device),
        policy: cell.policy.name,
        attributes: [...workloadAttributes(part.workload), ...policy, ...image].filter(
          ([name]) => !SOURCE_PARAMETERS.includes(name),
        ),
        figures: figuresOf(part, cell, cell.exact),
      },
    ];
  };
  return {
    ...run,
    ...namesOf(record),
    startedAt,
    status: record.status,
    commit: source.commit,
    dirty: source.dirty,
    subject: known(source.commit)?.subject ?? '',
    cells: record.cells.length,
    findings: findingsOf(record),
    points: workloadParts(record).flatMap((part) => part.cells.flatMap((cell) => pointOf(part, cell))),
    storages: workloadParts(record).flatMap(storagesOfPart),
    hasReport: true,
  };
}

/** The runs, each workload under the name that it had last: a trace that was moved is still the same trace. */
export function underNewestNames(runs: readonly RunSummary[]): RunSummary[] {
  const oldestFirst = runs.toSorted((a, b) => a.startedAt.localeCompare(b.startedAt));
  const named = oldestFirst.flatMap((run) => [run, ...run.points]);
  const newest = new Map(named.map(({ identity, workload }) => [identity, workload]));
  const renamed = <Named extends { readonly identity: string; readonly workload: string }>(one: Named): Named => ({
    ...one,
    workload: newest.get(one.identity) ?? one.workload,
  });
  return runs.map((run) => ({ ...renamed(run), points: run.points.map(renamed), storages: run.storages.map(renamed) }));
}

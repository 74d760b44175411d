/**
 * Where runs are kept: files in a folder, or a database that many machines share. A run is one document, the record; what a store
 * can be asked (summaries, series, samples) follows from it and can be rebuilt.
 *
 * Invariants of every store:
 *  1. A document comes back byte for byte; that of a run that is being measured with the samples that were appended since.
 *  2. To put a run again changes nothing, and a run never loses samples: of two documents of a run, the one with more is kept.
 *  3. Nothing is stored that is no valid record: other machines are not trusted.
 */
import { createHash } from 'node:crypto';
import type { Cell, RunRecord } from '../../results/record.ts';
import type { RunSample } from '../../results/run-samples.ts';
import { median } from '../../results/statistics.ts';
import { workloadOfCell, workloadParts } from '../../results/workload-parts.ts';

export interface RunSummary {
  readonly runId: string;
  readonly status: RunRecord['status'];
  readonly startedAt: string;
  readonly machine: string;
  /** Null for an unversioned program. */
  readonly commit: string | null;
  readonly workload: string;
  readonly fileSystem: string;
  readonly plan: string | null;
  /** Rounds of all cells, those of the control included. */
  readonly samples: number;
}

/** Members that are absent match everything. */
export interface RunQuery {
  readonly plan?: string;
  readonly commit?: string;
  readonly machine?: string;
  readonly workload?: string;
  readonly status?: RunRecord['status'];
  /** At most this many. */
  readonly newest?: number;
}

/** The exact counters of a cell that have series, and `wallNs`, the median of its rounds. */
const SERIES_METRICS = ['fsyncs', 'odsyncWrites', 'writes', 'writeBytes', 'imageBytes', 'wallNs'] as const;
export type SeriesMetric = (typeof SERIES_METRICS)[number];

export interface SeriesQuery {
  readonly metric: SeriesMetric;
  readonly workload: string;
  /** Id of the cell. */
  readonly cell: string;
  readonly machine?: string;
}

export interface SeriesPoint {
  readonly runId: string;
  readonly startedAt: string;
  readonly machine: string;
  readonly commit: string | null;
  readonly value: number;
}

/** `kept`: what is stored has as many samples or more. */
export type PutOutcome = 'added' | 'replaced' | 'same' | 'kept';

export interface ResultStore extends AsyncDisposable {
  /** For messages: never with a password. */
  readonly name: string;
  /** Stores a run; one whose status is `running` begins it. @throws RecordError for what is no record. */
  put(document: string): Promise<PutOutcome>;
  /** Adds a sample to a run that was begun, once, however often it is given. @throws RecordError where there is no such run. */
  append(runId: string, sample: RunSample): Promise<void>;
  /** The document of a run as it was put; null where there is none. */
  document(runId: string): Promise<string | null>;
  /** Newest first. */
  find(query: RunQuery): AsyncIterable<RunSummary>;
  /** Points of complete runs, oldest first. */
  series(query: SeriesQuery): AsyncIterable<SeriesPoint>;
  /** Keeps a file that explains a run, under a plain name. @throws RecordError for a run that is not there, or another name. */
  attach(runId: string, name: string, bytes: Uint8Array): Promise<void>;
  /** Names of the files of a run, sorted. */
  attachments(runId: string): Promise<string[]>;
  /** Null where there is none. */
  attachment(runId: string, name: string): Promise<Uint8Array | null>;
  /** Removes complete and failed runs that began before `before`, with all that belongs to them; gives their number. */
  prune(before: Date): Promise<number>;
  /** One line for each thing that is not as it was stored. */
  verify(): AsyncIterable<string>;
}

/** Of all workloads, with commas. */
function namesOf(record: RunRecord): string {
  return [...new Set(workloadParts(record).map(({ workload }) => workload.name))].join(',');
}

export function summaryOf(record: RunRecord): RunSummary {
  const { runId, status, startedAt, environment, source, plan } = record;
  return {
    ...{ runId, status, startedAt, machine: environment.machine, commit: source.commit },
    ...{ workload: namesOf(record), fileSystem: environment.fileSystem.type, plan: plan ?? null },
    samples: sampleRows(record).length,
  };
}

export interface SampleRow {
  /** Index of the cell. */
  readonly cell: number;
  readonly control: boolean;
  /** Place in the schedule of the run: with the cell, it names the sample. */
  readonly order: number;
  readonly wallNs: number;
  readonly flushNs: number | null;
}

export function sampleRows({ cells }: Pick<RunRecord, 'cells'>): SampleRow[] {
  const rowsOf = (cell: number, rounds: Cell['rounds'], control: boolean) =>
    rounds.map(({ order, wallNs, flushNs = null }): SampleRow => ({ cell, control, order, wallNs, flushNs }));
  return cells.flatMap(({ rounds, control = [] }, index) => [
    ...rowsOf(index, rounds, false),
    ...rowsOf(index, control, true),
  ]);
}

export interface SeriesValue {
  readonly workload: string;
  readonly cell: string;
  readonly metric: SeriesMetric;
  readonly value: number;
}

export function seriesValues(record: RunRecord): SeriesValue[] {
  return record.cells.flatMap((cell) =>
    SERIES_METRICS.flatMap((metric): SeriesValue[] => {
      const value = metricOf(cell, metric);
      return value === null ? [] : [{ workload: workloadOfCell(record, cell).name, cell: cell.id, metric, value }];
    }),
  );
}

function metricOf({ exact, rounds }: Cell, metric: SeriesMetric): number | null {
  if (metric !== 'wallNs') return exact?.[metric] ?? null;
  return rounds.length === 0 ? null : median(rounds.map(({ wallNs }) => wallNs));
}

/** True where `next` has more to say of a run than what is stored. */
export function isFurther(next: RunSummary, stored: RunSummary): boolean {
  if (next.samples !== stored.samples) return next.samples > stored.samples;
  return stored.status !== 'complete';
}

/** A name under which a file may be kept: no path, no hidden file. */
export function isPlainName(name: string): boolean {
  return /^[\w][\w.+-]{0,199}$/.test(name);
}

export function digestOf(document: string): string {
  return createHash('sha256').update(document).digest('hex');
}

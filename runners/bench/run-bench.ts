/**
 * The run: takes the samples of all cells in interleaved order, a fresh image and a fresh process each, and keeps the
 * record on disk up to date after every one.
 *
 * Invariants:
 *  1. Whatever happens, the record holds every sample that finished, and no image is left (unless asked for).
 *  2. Every cell has its first sample before any cell has its second.
 */
import { randomBytes } from 'node:crypto';
import { scheduleBlock } from '../../results/comparison-schedule.ts';
import { type RunRecord, SCHEMA_VERSION } from '../../results/record.ts';
import { recordPath, writeRecord } from '../../results/store.ts';
import type { Workload } from '../../workloads/workload.ts';
import { describeEnvironment, describeSource } from '../environment.ts';
import { describeFailure } from '../errors.ts';
import { openWorkload } from '../workload-choice.ts';
import { addSample } from './cell-results.ts';
import { anotherRoundFits, expectedRounds, Pacing, type RunState } from './pacing.ts';
import { type BenchPlan, emptyCell, ignoresSyncs, MOST_ROUNDS } from './plan.ts';
import { takeSample } from './sample-process.ts';
import { TemporaryImages } from './temporary-images.ts';

export interface BenchDisplay {
  started(record: RunRecord, recordFile: string, imageFolder: string): void;
  update(state: RunState): void;
  finished(): void;
}

export interface BenchOutcome {
  readonly record: RunRecord;
  readonly recordFile: string;
  /** What ended the run early, if its status is `failed`. */
  readonly error: unknown;
}

/**
 * Runs `plan`; aborting `signal` ends the run with what was measured.
 * @throws an error of use or input while nothing has been measured; later failures are in the outcome.
 */
export async function runBench(plan: BenchPlan, signal: AbortSignal, display: BenchDisplay): Promise<BenchOutcome> {
  // Bad input must be told before anything is made: this reads a trace to its end.
  const { workload } = await openWorkload(plan.workload, plan.cells[0]!.clusterSizeBytes);
  const images = new TemporaryImages(plan.directory, plan.keepImages);
  try {
    const record = newRecord(plan, workload, images.folder);
    const recordFile = recordPath(plan.recordsRoot, record);
    writeRecord(recordFile, record);
    display.started(record, recordFile, images.folder);
    const around = { images, display, announcedRequests: announcedRequests(plan, workload) };
    const error = await new BenchRun(plan, record, recordFile, around).complete(signal);
    return { record, recordFile, error };
  } finally {
    display.finished();
    images.remove();
  }
}

interface Surroundings {
  readonly images: TemporaryImages;
  readonly display: BenchDisplay;
  readonly announcedRequests: number | null;
}

class BenchRun {
  readonly #plan: BenchPlan;
  readonly #record: RunRecord;
  readonly #recordFile: string;
  readonly #images: TemporaryImages;
  readonly #display: BenchDisplay;
  readonly #pacing: Pacing;
  readonly #startMs = performance.now();
  #roundsDone = 0;

  constructor(plan: BenchPlan, record: RunRecord, recordFile: string, around: Surroundings) {
    this.#plan = plan;
    this.#record = record;
    this.#recordFile = recordFile;
    this.#images = around.images;
    this.#display = around.display;
    this.#pacing = new Pacing(around.announcedRequests);
  }

  /** Takes all samples and closes the record; returns what made the run fail. */
  async complete(signal: AbortSignal): Promise<unknown> {
    let failure: unknown = null;
    try {
      await this.#rounds(signal);
      this.#record.status = 'complete';
    } catch (error) {
      failure = signal.aborted ? null : error;
      this.#record.status = signal.aborted ? 'interrupted' : 'failed';
      this.#record.failure = signal.aborted ? 'interrupted' : describeFailure(error).message;
    }
    this.#record.finishedAt = new Date().toISOString();
    writeRecord(this.#recordFile, this.#record);
    return failure;
  }

  async #rounds(signal: AbortSignal): Promise<void> {
    const { cells, workload } = this.#plan;
    for (let block = 0; ; block++) {
      const samples = scheduleBlock(cells.length, block, workload.seed);
      for (const round of new Set(samples.map((sample) => sample.round))) {
        const startMs = performance.now();
        const waiting = samples.filter((sample) => sample.round === round);
        while (waiting.length > 0) {
          const { variant, order } = waiting.shift()!;
          const ahead = waiting.map((sample) => cells[sample.variant]!.id);
          await this.#sample(variant, round, order, ahead, signal);
        }
        this.#roundsDone++;
        if (!this.#wantsAnotherRound(performance.now() - startMs)) return;
      }
    }
  }

  #wantsAnotherRound(lastRoundMs: number): boolean {
    const { rounds } = this.#plan;
    if (typeof rounds === 'number') return this.#roundsDone < rounds;
    if (this.#roundsDone >= MOST_ROUNDS) return false;
    return anotherRoundFits(performance.now() - this.#startMs, lastRoundMs, rounds.timeBudgetMs);
  }

  async #sample(variant: number, round: number, order: number, ahead: string[], signal: AbortSignal): Promise<void> {
    const { id, ...cell } = this.#plan.cells[variant]!;
    const imageFile = this.#images.imageFile(`${id}-round-${round + 1}`);
    const startMs = performance.now();
    const show = (part: string, requests: number) => this.#show(id, round, part, requests, startMs, ahead);
    show('prepare', 0);
    try {
      const job = { imageFile, workload: this.#plan.workload, cell, traced: round === 0 };
      const result = await takeSample(job, signal, show);
      if (this.#record.workload.phases.length === 0) this.#record.workload.phases = result.phases;
      const { reads, writes, flushes, discards, other } = result.exact.guest;
      this.#pacing.finished(id, performance.now() - startMs, reads + writes + flushes + discards + other);
      addSample(this.#record.cells[variant]!, { round, order }, result);
    } finally {
      this.#images.discard(imageFile);
    }
    writeRecord(this.#recordFile, this.#record);
  }

  #show(cell: string, round: number, part: string, requests: number, startMs: number, ahead: string[]): void {
    const elapsedMs = performance.now() - this.#startMs;
    const sampleMs = performance.now() - startMs;
    const rounds = this.#expectedRounds(round, elapsedMs);
    const cells = this.#plan.cells.map(({ id }) => id);
    const etaMs = this.#pacing.remainingMs({ cell, sampleMs, ahead, later: rounds - round - 1, cells });
    const share = etaMs === null ? null : elapsedMs / (elapsedMs + etaMs);
    const { totalRequests } = this.#pacing;
    this.#display.update({ round: round + 1, rounds, cell, part, requests, totalRequests, share, etaMs });
  }

  #expectedRounds(round: number, elapsedMs: number): number {
    const { rounds } = this.#plan;
    if (typeof rounds === 'number') return rounds;
    return Math.max(round + 1, expectedRounds(this.#roundsDone, elapsedMs, rounds.timeBudgetMs, MOST_ROUNDS));
  }
}

function newRecord(plan: BenchPlan, workload: Workload, imageFolder: string): RunRecord {
  const environment = describeEnvironment(imageFolder);
  if (plan.cells.some((cell) => ignoresSyncs(cell.hostCacheMode))) {
    environment.warnings.push('host cache mode unsafe makes every sync do nothing: its times mean nothing here');
  }
  const startedAt = new Date().toISOString();
  return {
    schemaVersion: SCHEMA_VERSION,
    runId: `${startedAt.replaceAll(/[-:]|\.\d+/g, '')}-${randomBytes(3).toString('hex')}`,
    status: 'running',
    startedAt,
    finishedAt: null,
    command: [...plan.command],
    source: describeSource(),
    workload: {
      name: workload.name,
      title: workload.title,
      parameters: plainParameters(plan, workload),
      seed: plan.workload.seed,
      guestFlush: plan.workload.guestFlush,
      discard: plan.workload.discard,
      diskSizeBytes: workload.diskSizeBytes,
      phases: [],
    },
    environment,
    failure: null,
    cells: plan.cells.map((cell) => emptyCell(cell, environment.fileSystem.type)),
  };
}

/** All parameters of the workload with their values; a limit is one too, as it decides what was replayed. */
function plainParameters(plan: BenchPlan, workload: Workload): RunRecord['workload']['parameters'] {
  const entries = Object.entries({ ...workload.parameters, limit: plan.workload.limit ?? undefined });
  return Object.fromEntries(
    entries.filter(([, value]) => value !== undefined).map(([name, value]) => [name, plain(value)]),
  );
}

function plain(value: unknown): string | number | boolean {
  return typeof value === 'number' || typeof value === 'boolean' ? value : String(value);
}

/** How many requests a sample will serve, if that is known before the first one. */
function announcedRequests({ workload }: BenchPlan, { totalRequests }: Workload): number | null {
  if (totalRequests === undefined || workload.guestFlush !== 'recorded') return workload.limit;
  return Math.min(totalRequests, workload.limit ?? totalRequests);
}

/** Takes the samples of one run, one after the other, and decides when there are enough; see `run-bench.ts` and `variants.ts`. */

import { allSettled } from '../../../results/comparison-cells.ts';
import { MOST_PAIRS, measureMore } from '../../../results/comparison-schedule.ts';
import type { RunRecord } from '../../../results/record.ts';
import { RunFold, type RunSample } from '../../../results/run-samples.ts';
import { SampleLog } from '../../../results/sample-log.ts';
import { writeRecord } from '../../../results/store.ts';
import { describeFailure } from '../../console/errors.ts';
import { probeStorage, type StorageProbe } from '../../machine/probe.ts';
import { fitStorageCosts } from '../../machine/probe-fit.ts';
import { mergeProbes } from '../../machine/probe-merge.ts';
import { modelParameters } from '../plan/modelled-device.ts';
import { type BenchPlan, isMine, isReal, MOST_ROUNDS } from '../plan/plan.ts';
import {
  firstRound,
  pairedBlock,
  ROUNDS_A_BLOCK,
  type ScheduledVariant,
  type Variant,
  variantsOf,
} from '../plan/variants.ts';
import { comparisonsOf, conclude, type Judging } from './conclude.ts';
import { addProfiles } from './cpu-profiles.ts';
import { addCrashVerdicts, addSafety } from './crash-verdicts.ts';
import type { BenchDisplay, RunFollower } from './display.ts';
import { expectedRounds, Pacing } from './pacing.ts';
import { SampleJobs } from './sample-jobs.ts';
import { takeSample } from './sample-process.ts';
import type { TemporaryImages } from './temporary-images.ts';

/** Long enough for some rounds even where a sync takes milliseconds. */
const PROBE_MS = 500;
/** The probe after the run looks at other places than the one before it. */
const SECOND_PROBE_SEED = 2;

export interface Surroundings {
  readonly images: TemporaryImages;
  readonly display: BenchDisplay;
  readonly follower: RunFollower;
  /** By workload. */
  readonly announcedRequests: readonly (number | null)[];
}

export class BenchRun {
  readonly #plan: BenchPlan;
  readonly #record: RunRecord;
  readonly #recordFile: string;
  readonly #fold: RunFold;
  readonly #log: SampleLog;
  readonly #images: TemporaryImages;
  readonly #display: BenchDisplay;
  readonly #follower: RunFollower;
  readonly #pacing: Pacing;
  readonly #jobs: SampleJobs;
  readonly #variants: readonly Variant[];
  /** The first round warms up real storage; otherwise it is one like the others, or there is no other. */
  readonly #warmsUp: boolean;
  readonly #startMs: number;
  #probe: StorageProbe | null = null;
  #firstRoundEndMs = 0;
  #roundsDone = 0;

  constructor(plan: BenchPlan, record: RunRecord, recordFile: string, around: Surroundings) {
    this.#plan = plan;
    this.#record = record;
    this.#recordFile = recordFile;
    this.#fold = new RunFold(record);
    this.#log = new SampleLog(recordFile, { keeps: false });
    this.#images = around.images;
    this.#display = around.display;
    this.#follower = around.follower;
    this.#pacing = new Pacing(around.announcedRequests);
    this.#jobs = new SampleJobs(plan, () => this.#storageProbe());
    this.#variants = variantsOf(plan.baselines, plan.rounds !== 1 && plan.cells.every(isReal));
    this.#warmsUp = plan.rounds !== 1 && plan.cells.some(isReal);
    this.#startMs = performance.now() - (record.measuringMs ?? 0);
  }

  /** Takes all samples and closes the record; returns what made the run fail. */
  async complete(signal: AbortSignal): Promise<unknown> {
    let failure: unknown = null;
    try {
      this.#describeDevices();
      // A run that somebody else continues has these devices.
      writeRecord(this.#recordFile, this.#record);
      await this.#rounds(signal);
      this.#probeAgain();
      if (this.#plan.session.cpuProfile) await this.#profile(signal);
      if (this.#plan.crash !== 'none') await addSafety(this.#plan, this.#record, signal, this.#stage('power cuts'));
      if (this.#plan.crash === 'quick') {
        await addCrashVerdicts(this.#plan, this.#record, signal, this.#stage('power cuts, quick'));
      }
      this.#record.status = 'complete';
    } catch (error) {
      failure = signal.aborted ? null : error;
      this.#record.status = signal.aborted ? 'interrupted' : 'failed';
      this.#record.failure = signal.aborted ? 'interrupted' : describeFailure(error).message;
    }
    conclude(this.#record, judgingOf(this.#plan));
    this.#record.finishedAt = new Date().toISOString();
    try {
      writeRecord(this.#recordFile, this.#record);
      // Only now: until here the record in the file had none of the samples.
      this.#log.remove();
    } finally {
      this.#log.close();
    }
    return failure;
  }

  /** Shows how far a part of the run is that is no sample. */
  #stage(name: string): (done: number, of: number) => void {
    return (done, of) => this.#display.stage(name, done, of);
  }

  async #profile(signal: AbortSignal): Promise<void> {
    const images = this.#images;
    await addProfiles(this.#plan, this.#jobs, this.#record, this.#recordFile, async (job, root) => {
      const imageFile = images.imageFile('profiled');
      try {
        await takeSample({ ...job, imageFile }, signal, () => {}, root);
      } finally {
        images.discard(imageFile);
      }
    });
  }

  /** Probes the storage where times will be explained by it, and records what modelled devices are. */
  #describeDevices(): void {
    if (this.#warmsUp) this.#record.environment.storageCosts ??= fitStorageCosts(this.#storageProbe());
    for (const [index, cell] of this.#plan.cells.entries()) {
      const model = this.#jobs.modelOf(cell, this.#record.cells[index]!);
      if (model !== null) this.#record.cells[index]!.device.parameters = modelParameters(model);
    }
  }

  /** Storage that changed its pace during the run is priced in between. */
  #probeAgain(): void {
    const { environment } = this.#record;
    if (this.#probe === null || environment.storageCosts === undefined) return;
    const after = probeStorage(this.#images.folder, { timeMs: PROBE_MS, seed: SECOND_PROBE_SEED });
    environment.storageCosts = fitStorageCosts(mergeProbes(this.#probe, after));
  }

  #storageProbe(): StorageProbe {
    this.#probe ??= probeStorage(this.#images.folder, { timeMs: PROBE_MS });
    return this.#probe;
  }

  async #rounds(signal: AbortSignal): Promise<void> {
    const { rounds, cells, workload } = this.#plan;
    await this.#take(firstRound(cells.length, workload.seed), signal);
    this.#firstRoundEndMs = this.#elapsedMs();
    for (let block = 0; ; block++) {
      const samples = pairedBlock(this.#variants, cells.length, block, workload.seed);
      // A block that an earlier sitting began was wanted then; to ask again would be one more look at the verdicts.
      if (!samples.some((sample) => this.#fold.has(sample)) && !this.#wantsBlock(block)) break;
      const wanted = typeof rounds === 'number' ? samples.filter(({ round }) => round < rounds) : samples;
      await this.#take(wanted, signal);
      if (typeof rounds !== 'number') this.#record.comparisons = comparisonsOf(this.#record, judgingOf(this.#plan));
    }
  }

  #wantsBlock(block: number): boolean {
    const { rounds, baselines } = this.#plan;
    const pairs = block * ROUNDS_A_BLOCK;
    if (typeof rounds === 'number') return pairs + 1 < rounds;
    const budgetMs = rounds.timeBudgetMs - this.#firstRoundEndMs;
    if (block === 0) return this.#firstBlockMs() <= budgetMs;
    const compares = baselines.some((baseline) => baseline !== null);
    const most = compares ? MOST_PAIRS : MOST_ROUNDS;
    const elapsedNs = (this.#elapsedMs() - this.#firstRoundEndMs) * 1e6;
    const progress = { pairs, elapsedNs, settled: allSettled(this.#record.comparisons ?? []) };
    return measureMore(progress, { mostPairs: most, timeNs: budgetMs * 1e6 }).measureMore;
  }

  /** Judged by the first round, in which each cell was measured once. */
  #firstBlockMs(): number {
    return (this.#firstRoundEndMs / this.#plan.cells.length) * this.#variants.length * ROUNDS_A_BLOCK;
  }

  #elapsedMs(): number {
    return performance.now() - this.#startMs;
  }

  /** Takes those of `scheduled` that the record does not have. */
  async #take(scheduled: readonly ScheduledVariant[], signal: AbortSignal): Promise<void> {
    const samples = scheduled.filter(({ cell }) => isMine(this.#plan, cell));
    for (const [index, sample] of samples.entries()) {
      signal.throwIfAborted();
      const ahead = samples.slice(index + 1).filter(({ round }) => round === sample.round);
      if (!this.#fold.has(sample)) await this.#sample(sample, ahead, signal);
      if (ahead.length === 0) this.#roundsDone++;
    }
  }

  async #sample(sample: ScheduledVariant, ahead: readonly Variant[], signal: AbortSignal): Promise<void> {
    const { id } = this.#plan.cells[sample.cell]!;
    const { round, order, control } = sample;
    const imageFile = this.#images.imageFile(`${id}${control ? '-again' : ''}-round-${round + 1}`);
    const startMs = performance.now();
    const show = (part: string, requests: number) => this.#show(sample, ahead, part, requests, startMs);
    show('prepare', 0);
    const cell = this.#record.cells[sample.cell]!;
    try {
      const { job, root } = this.#jobs.jobOf(sample.cell, cell, imageFile, round === 0);
      const result = await takeSample(job, signal, show, root);
      const { reads, writes, flushes, discards, other } = result.exact.guest;
      this.#pacing.finished(
        id,
        performance.now() - startMs,
        cell.workload ?? 0,
        reads + writes + flushes + discards + other,
      );
      await this.#keep({ cell: sample.cell, control, round, order, traced: round === 0, result });
    } finally {
      this.#images.discard(imageFile);
    }
  }

  async #keep(taken: Omit<RunSample, 'measuringMs'>): Promise<void> {
    const sample = { ...taken, measuringMs: Math.round(this.#elapsedMs()) };
    this.#log.append(sample);
    this.#fold.add(sample);
    // Between samples: what it costs is in no time that is measured.
    await this.#follower.taken(this.#record, sample);
  }

  #show(sample: ScheduledVariant, ahead: readonly Variant[], part: string, requests: number, startMs: number): void {
    const id = ({ cell }: Variant) => this.#plan.cells[cell]!.id;
    const elapsedMs = this.#elapsedMs();
    const rounds = this.#expectedRounds(sample.round, elapsedMs);
    const position = {
      cell: id(sample),
      sampleMs: performance.now() - startMs,
      ahead: ahead.map(id),
      later: rounds - sample.round - 1,
      cells: this.#variants.filter(({ cell }) => isMine(this.#plan, cell)).map(id),
    };
    const etaMs = this.#pacing.remainingMs(position);
    const share = etaMs === null ? null : elapsedMs / (elapsedMs + etaMs);
    const totalRequests = this.#pacing.totalRequests(this.#plan.cells[sample.cell]!.workload ?? 0);
    const { cell } = position;
    const isControl = sample.control;
    this.#display.update({
      round: sample.round + (this.#warmsUp ? 0 : 1),
      rounds: rounds - (this.#warmsUp ? 1 : 0),
      cell,
      part,
      isControl,
      requests,
      totalRequests,
      share,
      etaMs,
    });
  }

  #expectedRounds(round: number, elapsedMs: number): number {
    const { rounds } = this.#plan;
    if (typeof rounds === 'number') return rounds;
    return Math.max(round + 1, expectedRounds(this.#roundsDone, elapsedMs, rounds.timeBudgetMs, MOST_PAIRS + 1));
  }
}

function judgingOf({ baselines, rounds, session: { comparesCounts } }: BenchPlan): Judging {
  return { baselines, ending: typeof rounds === 'number' ? 'fixed' : 'looks', comparesCounts };
}

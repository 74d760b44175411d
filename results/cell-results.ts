/** Adds the results of samples to a cell of a record: work of each sample does not grow with their number. */
import { isDeepStrictEqual } from 'node:util';
import { medianSorted } from 'simple-statistics';
import { mergeHistograms } from './histogram.ts';
import { type Cell, type Histogram, LATENCY_SERIES, type Round } from './record.ts';
import type { SampleResult } from './sample-protocol.ts';

/** The place of a sample in the run. */
export interface SamplePlace {
  readonly round: number;
  readonly order: number;
  /** The round that warms up and is traced. */
  readonly traced?: boolean;
}

export class CellResults {
  readonly #cell: Cell;
  /** Places in the schedule of the samples that the cell has, and of those of its control. */
  readonly #orders: Set<number>;
  readonly #controlOrders: Set<number>;
  /** Of the rounds that count, ascending. */
  readonly #wallNs: number[];
  /** Of the round whose latency map is kept; null without one. */
  #keptNs: number | null;

  /** `cell` is changed, and may have samples already. */
  constructor(cell: Cell) {
    const { rounds, control = [], latencyMap, latencyMapRound } = cell;
    this.#cell = cell;
    this.#orders = new Set(rounds.map(({ order }) => order));
    this.#controlOrders = new Set(control.map(({ order }) => order));
    this.#wallNs = rounds
      .filter(({ traced }) => !traced)
      .map(({ wallNs }) => wallNs)
      .sort((one, other) => one - other);
    const kept = latencyMap === undefined ? undefined : rounds.find(({ index }) => index === latencyMapRound);
    this.#keptNs = kept?.wallNs ?? null;
  }

  has(order: number, control: boolean): boolean {
    return (control ? this.#controlOrders : this.#orders).has(order);
  }

  /** The first sample gives counts and pictures, each later one times and a comparison of counts. */
  add(place: SamplePlace, sample: SampleResult): void {
    const cell = this.#cell;
    if (cell.exact === null) addFirst(cell, sample);
    const round = checkedRound(cell, place, sample);
    // The warm-up is in no distribution as soon as there is another round.
    if (!round.traced && this.#wallNs.length === 0) {
      cell.histograms = {};
      delete cell.latencyMap;
      this.#keptNs = null;
    }
    cell.rounds.push(round);
    this.#orders.add(round.order);
    if (!round.traced) insert(this.#wallNs, round.wallNs);
    for (const name of LATENCY_SERIES) {
      const added = sample.histograms[name];
      if (added !== undefined) cell.histograms[name] = merged(cell.histograms[name], added);
    }
    if (sample.latencyMap !== null && this.#isNearestToMedian(round)) {
      cell.latencyMap = sample.latencyMap;
      cell.latencyMapRound = round.index;
      this.#keptNs = round.wallNs;
    }
  }

  /** The same for a sample of the A/A control: its times stand apart, its counts and its image must be as good as any. */
  addControl(place: SamplePlace, sample: SampleResult): void {
    const round = checkedRound(this.#cell, place, sample);
    this.#controlOrders.add(round.order);
    this.#cell.control ??= [];
    this.#cell.control.push(round);
  }

  /**
   * Whether `round`, the newest, is nearer to the median of the counted rounds than the one whose latency map is kept. Rounds of different
   * length on one axis of time would show a slow end that is only the end of the shorter ones.
   */
  #isNearestToMedian(round: Round): boolean {
    if (this.#keptNs === null) return true;
    if (round.traced) return false;
    const median = medianSorted(this.#wallNs);
    return Math.abs(round.wallNs - median) < Math.abs(this.#keptNs - median);
  }
}

function addFirst(cell: Cell, sample: SampleResult): void {
  cell.exact = sample.exact;
  cell.fileMap = sample.fileMap;
  cell.cascades = sample.cascades;
  cell.verification = sample.verification;
  if (sample.modelledNs !== null) cell.modelledNs = sample.modelledNs;
  if (sample.syncKinds === null) return;
  cell.growingSyncs = sample.syncKinds.growing;
  // Workers of earlier commits count the syncs without work in this way only.
  if (sample.exact.workingSyncs === undefined) cell.cleanSyncs = sample.syncKinds.clean;
}

function checkedRound(cell: Cell, { round, order, traced }: SamplePlace, sample: SampleResult): Round {
  // One bad round is a finding, however many good ones there are.
  if (isSound(cell) && !soundVerification(sample.verification)) cell.verification = sample.verification;
  const countsEqual = isDeepStrictEqual(cell.exact, sample.exact);
  cell.deterministic &&= countsEqual;
  const flush = sample.histograms.guestFlush;
  return {
    index: round,
    order,
    startedAt: sample.startedAt,
    ...sample.times,
    countsEqual,
    ...(flush !== undefined && { flushNs: flush.p50Ns }),
    ...(traced === true && { traced }),
  };
}

/** Puts `value` into `sorted`, by bisection. */
function insert(sorted: number[], value: number): void {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  sorted.splice(low, 0, value);
}

function merged(before: Histogram | undefined, added: Histogram): Histogram {
  return before === undefined ? added : mergeHistograms(before, added);
}

/** The rounds whose times are shown: the one that warmed up only where there is no other. */
export function timedRounds({ rounds }: Pick<Cell, 'rounds'>): Round[] {
  const counted = rounds.filter(({ traced }) => traced !== true);
  return counted.length > 0 ? counted : rounds;
}

/** True when nothing was found against the cell: content equal, no corruption, all rounds counted the same. */
export function isSound(cell: Cell): boolean {
  return cell.deterministic && soundVerification(cell.verification);
}

function soundVerification({ content, check }: Cell['verification']): boolean {
  return content !== 'different' && check !== 'corrupt';
}

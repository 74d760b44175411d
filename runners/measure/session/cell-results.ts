/** Adds the result of a sample to its cell of the record. */
import { isDeepStrictEqual } from 'node:util';
import { mergeHistograms } from '../../../results/histogram.ts';
import { type Cell, type Histogram, LATENCY_SERIES, type Round } from '../../../results/record.ts';
import type { SampleResult } from '../../../results/sample-protocol.ts';
import { median } from '../../../results/statistics.ts';

/** The place of a sample in the run. */
export interface SamplePlace {
  readonly round: number;
  readonly order: number;
  /** The round that warms up and is traced. */
  readonly traced?: boolean;
}

/** Changes `cell`: the first sample gives counts and pictures, each later one times and a comparison of counts. */
export function addSample(cell: Cell, place: SamplePlace, sample: SampleResult): void {
  if (cell.exact === null) {
    cell.exact = sample.exact;
    cell.fileMap = sample.fileMap;
    cell.cascades = sample.cascades;
    cell.verification = sample.verification;
    if (sample.modelledNs !== null) cell.modelledNs = sample.modelledNs;
    if (sample.syncKinds !== null) {
      cell.growingSyncs = sample.syncKinds.growing;
      // Workers of earlier commits count the syncs without work in this way only.
      if (sample.exact.workingSyncs === undefined) cell.cleanSyncs = sample.syncKinds.clean;
    }
  }
  const round = checkedRound(cell, place, sample);
  // The warm-up is in no distribution as soon as there is another round.
  if (!round.traced && cell.rounds.every(({ traced }) => traced)) {
    cell.histograms = {};
    delete cell.latencyMap;
  }
  cell.rounds.push(round);
  for (const name of LATENCY_SERIES) {
    const added = sample.histograms[name];
    if (added !== undefined) cell.histograms[name] = merged(cell.histograms[name], added);
  }
  if (sample.latencyMap !== null && isNearestToMedian(cell, round)) {
    cell.latencyMap = sample.latencyMap;
    cell.latencyMapRound = round.index;
  }
}

/**
 * Whether `round`, the newest, is nearer to the median of the counted rounds than the one whose latency map is kept. Rounds of different
 * length on one axis of time would show a slow end that is only the end of the shorter ones.
 */
function isNearestToMedian(cell: Cell, round: Round): boolean {
  const { rounds, latencyMap, latencyMapRound } = cell;
  const kept = latencyMap === undefined ? undefined : rounds.find(({ index }) => index === latencyMapRound);
  if (kept === undefined) return true;
  if (round.traced) return false;
  const middle = median(rounds.filter(({ traced }) => !traced).map(({ wallNs }) => wallNs));
  return Math.abs(round.wallNs - middle) < Math.abs(kept.wallNs - middle);
}

/** The same for a sample of the A/A control: its times stand apart, its counts and its image must be as good as any. */
export function addControlSample(cell: Cell, place: SamplePlace, sample: SampleResult): void {
  cell.control = [...(cell.control ?? []), checkedRound(cell, place, sample)];
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

function merged(before: Histogram | undefined, added: Histogram): Histogram {
  return before === undefined ? added : mergeHistograms(before, added);
}

/** True when nothing was found against the cell: content equal, no corruption, all rounds counted the same. */
export function isSound(cell: Cell): boolean {
  return cell.deterministic && soundVerification(cell.verification);
}

function soundVerification({ content, check }: Cell['verification']): boolean {
  return content !== 'different' && check !== 'corrupt';
}

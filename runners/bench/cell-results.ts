/** Adds the result of a sample to its cell of the record. */
import { isDeepStrictEqual } from 'node:util';
import { mergeHistograms } from '../../results/histogram.ts';
import { type Cell, type Histogram, LATENCY_SERIES } from '../../results/record.ts';
import type { SampleResult } from '../sample/job.ts';

/** Where a sample stands in the run. */
export interface SamplePlace {
  readonly round: number;
  readonly order: number;
}

/** Changes `cell`: the first sample gives counts and pictures, each later one times and a comparison of counts. */
export function addSample(cell: Cell, place: SamplePlace, sample: SampleResult): void {
  const countsEqual = cell.exact === null || isDeepStrictEqual(cell.exact, sample.exact);
  if (cell.exact === null) {
    cell.exact = sample.exact;
    cell.fileMap = sample.fileMap;
    cell.cascades = sample.cascades;
    cell.verification = sample.verification;
  } else if (isSound(cell) && !soundVerification(sample.verification)) {
    // One bad round is a finding, however many good ones there are.
    cell.verification = sample.verification;
  }
  cell.deterministic &&= countsEqual;
  cell.rounds.push({
    index: place.round,
    order: place.order,
    startedAt: sample.startedAt,
    ...sample.times,
    countsEqual,
  });
  for (const name of LATENCY_SERIES) {
    const added = sample.histograms[name];
    if (added !== undefined) cell.histograms[name] = merged(cell.histograms[name], added);
  }
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

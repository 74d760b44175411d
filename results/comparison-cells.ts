/** The verdicts of a run: each cell against its baseline, from the rounds in which both were measured. */
import { type ComparisonOptions, comparePaired, isSettled, type PairedSamples } from './comparison.ts';
import { compareExact } from './comparison-exact.ts';
import { spanRatio } from './engine-spans.ts';
import type { Cell, ComparedTime, Comparison, Round, TimeComparison } from './record.ts';
import { COMPARED_TIMES } from './record-comparison.ts';

const VALUE_OF: Record<ComparedTime, (round: Round) => number> = {
  wall: (round) => round.wallNs,
  cpu: (round) => round.userCpuNs + round.systemCpuNs,
  flush: (round) => round.flushNs ?? 0,
  engine: (round) => (deviceNs(round) === 0 ? 0 : round.wallNs - deviceNs(round)),
  device: deviceNs,
};

/** Of a program reached through a pipe none is known, and so no other time apart. */
function deviceNs({ deviceNs: { read, write, sync } }: Round): number {
  return read + write + sync;
}

/**
 * Compares the times of two cells of one run. A time that some round lacks is left out, and so are all times of cells
 * without common rounds; rounds that were traced are in no pair. Virtual times are exact: no statistics, no verdict.
 */
export function compareCells(baseline: Cell, candidate: Cell, options: ComparisonOptions = {}): Comparison {
  const real = baseline.device.kind === 'real' && candidate.device.kind === 'real';
  const rounds = real ? commonRounds(baseline, candidate) : [];
  const byRequest = servedAlike(baseline, candidate) ? engineByRequest(rounds, options) : null;
  const times = COMPARED_TIMES.flatMap(
    (metric) => (metric === 'engine' ? byRequest : null) ?? compareTime(metric, rounds, options) ?? [],
  );
  return { baseline: baseline.id, candidate: candidate.id, times };
}

interface CommonRound {
  readonly baseline: Round;
  readonly candidate: Round;
  readonly control: Round | undefined;
}

/** Rounds of both, and of the control where there is one: an interrupted round is no pair. */
function commonRounds(baseline: Cell, candidate: Cell): CommonRound[] {
  const { control } = baseline;
  const find = (rounds: readonly Round[] | undefined, { index }: Round) =>
    rounds?.find((round) => round.index === index);
  return baseline.rounds.flatMap((round) => {
    const other = find(candidate.rounds, round);
    const again = find(control, round);
    if (round.traced || other === undefined || other.traced || (control !== undefined && again === undefined))
      return [];
    return [{ baseline: round, candidate: other, control: again }];
  });
}

function compareTime(
  metric: ComparedTime,
  rounds: readonly CommonRound[],
  options: ComparisonOptions,
): TimeComparison | null {
  const value = VALUE_OF[metric];
  const baseline = rounds.map((round) => value(round.baseline));
  const candidate = rounds.map((round) => value(round.candidate));
  const controlled = rounds.every((round) => round.control !== undefined);
  const control = controlled ? rounds.map((round) => value(round.control!)) : null;
  const all = [...baseline, ...candidate, ...(control ?? [])];
  if (all.length === 0 || all.some((sample) => !(sample > 0))) return null;
  return { metric, ...comparePaired({ baseline, candidate, control }, options) };
}

/** Both made the same file operations for the same requests: what differs is the engine's own time, at any place of the stream. */
function servedAlike({ exact: baseline, requesters }: Cell, { exact: candidate }: Cell): boolean {
  if (baseline === null || candidate === null || requesters !== undefined) return false;
  return compareExact([baseline], [candidate]).verdict === 'equal';
}

/** Null where a round has no spans of its stream. */
function engineByRequest(rounds: readonly CommonRound[], options: ComparisonOptions): TimeComparison | null {
  const ratios = (side: 'candidate' | 'control') =>
    rounds.map((round) => (round[side] === undefined ? null : spanRatio(round.baseline, round[side])));
  const [candidate, control] = [ratios('candidate'), ratios('control')];
  if (rounds.length === 0 || candidate.includes(null)) return null;
  // A ratio is a pair of which one side is 1.
  const samples: PairedSamples = {
    baseline: rounds.map(() => 1),
    candidate: candidate as number[],
    control: control.includes(null) ? null : (control as number[]),
  };
  return { metric: 'engine', byRequest: true, ...comparePaired(samples, options) };
}

/** The other two are parts of the first: they say where a difference is, and are only waited for where they tell more than it does. */
const DECIDING: readonly ComparedTime[] = ['wall', 'cpu', 'flush'];

/** True when no time of any comparison asks for more pairs. */
export function allSettled(comparisons: readonly Comparison[]): boolean {
  const decides = ({ metric, byRequest }: TimeComparison) => byRequest === true || DECIDING.includes(metric);
  return comparisons.every(({ times }) => times.filter(decides).every(isSettled));
}

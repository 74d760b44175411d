/** The verdicts of a run: each cell against its baseline, from the rounds in which both were measured. */
import { type ComparisonOptions, comparePaired, isSettled } from './comparison.ts';
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
  const times = COMPARED_TIMES.flatMap((metric) => compareTime(metric, rounds, options) ?? []);
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

/** The other two are parts of the first: they say where a difference is, and are not waited for. */
const DECIDING: readonly ComparedTime[] = ['wall', 'cpu', 'flush'];

/** True when no time of any comparison asks for more pairs. */
export function allSettled(comparisons: readonly Comparison[]): boolean {
  return comparisons.every(({ times }) => times.filter(({ metric }) => DECIDING.includes(metric)).every(isSettled));
}

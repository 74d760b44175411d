/**
 * Runs that are drawn from the rounds of a real one: blocks of consecutive rounds, so that what drifts for some rounds drifts in the drawn
 * run, too, and in each block the identical variants change their roles by chance, so that nothing distinguishes them.
 */
import { comparePaired, isSettled, type PairedComparison } from '../comparison.ts';
import { LOOKS, MOST_PAIRS } from '../comparison-schedule.ts';
import { type SeededRandom, seededRandom, shuffle } from '../statistics-random.ts';

/** Logarithms of times that are comparable within a round, up to a factor: by round, of each variant of the same code, and of a slower one. */
export interface MeasuredRound {
  /** `logs[i][j]`: variant j over variant i. The first three are the same code. */
  readonly logs: readonly (readonly number[])[];
}

const IDENTICAL = 3;
const BLOCK = 4;

/** Who stands for the candidate: a variant of the same code, its times multiplied by `effect`, or the variant of that number. */
export type Candidate = { readonly effect: number } | { readonly variant: number };

/** The verdicts of `count` drawn runs that continue while their verdict is open. */
export function drawnVerdicts(
  rounds: readonly MeasuredRound[],
  candidate: Candidate,
  count: number,
  stream = 0,
): PairedComparison[] {
  return Array.from({ length: count }, (_, run) => drawnVerdict(rounds, candidate, seededRandom(1 + run, stream)));
}

function drawnVerdict(rounds: readonly MeasuredRound[], candidate: Candidate, random: SeededRandom): PairedComparison {
  const taken = { candidate: [] as number[], control: [] as number[] };
  for (const look of LOOKS) {
    while (taken.candidate.length < look) drawBlock(rounds, candidate, random, taken);
    const [other, control] = [taken.candidate, taken.control].map((ratios) => ratios.slice(0, look));
    const verdict = comparePaired(
      { baseline: other!.map(() => 1), candidate: other!, control: control! },
      { ending: 'looks' },
    );
    if (isSettled(verdict) || look === MOST_PAIRS) return verdict;
  }
  throw new Error('the last look ends the run');
}

function drawBlock(
  rounds: readonly MeasuredRound[],
  candidate: Candidate,
  random: SeededRandom,
  taken: { readonly candidate: number[]; readonly control: number[] },
): void {
  const first = random.below(rounds.length);
  const [base, control, other] = shuffle([...Array(IDENTICAL).keys()], random) as [number, number, number];
  for (let step = 0; step < BLOCK; step++) {
    const logs = rounds[(first + step) % rounds.length]!.logs[base]!;
    const [judged, effect] = 'variant' in candidate ? [candidate.variant, 1] : [other, candidate.effect];
    taken.candidate.push(Math.exp(logs[judged]!) * effect);
    taken.control.push(Math.exp(logs[control]!));
  }
}

/**
 * Every state of a point, without judging twice what the judge cannot tell apart: sectors that it did not look at have made no
 * difference, whatever they hold. So the states form a tree that branches only on sectors that were looked at, and each state
 * that is judged stands for all that differ from it elsewhere. Nothing is assumed about the format, and nothing is left out.
 */
import type { SectorAtom } from './crash-points.ts';
import type { StateVector } from './enumeration.ts';

/** One judged state, from which others are still to be derived. */
interface Branching {
  readonly vector: StateVector;
  /** 1 for each atom whose choice is settled in this part of the tree. */
  readonly settled: Uint8Array;
  /** Atoms that were looked at and are not settled. */
  readonly open: readonly number[];
  /** Which of `open` is being changed, and to which choice. */
  place: number;
  choice: number;
}

export interface SearchOutcome {
  /** False when the budget ended the search. */
  readonly complete: boolean;
  /** States that the judged ones stand for, these included; Infinity when too many to count. */
  readonly covered: number;
}

/** Whether the judge looked at an atom, which may hold anything else as well as far as this state is concerned. */
export type LookedAt = (atom: number) => boolean;

/**
 * Calls `judge` for states until they cover all, or for `budget` states. `isOpen` says of each atom whether it may still take any
 * of its choices. The vector given to `judge` must not be kept.
 */
export function searchStates(
  atoms: readonly SectorAtom[],
  budget: number,
  judge: (vector: StateVector, isOpen: LookedAt) => LookedAt,
): SearchOutcome {
  const path: Branching[] = [];
  let covered = 0;
  let left = budget;
  const visit = (vector: StateVector, settled: Uint8Array): void => {
    const lookedAt = judge(vector, (atom) => settled[atom] === 0);
    const open: number[] = [];
    let standsFor = 1;
    for (let atom = 0; atom < atoms.length; atom++) {
      if (settled[atom] === 1) continue;
      if (lookedAt(atom)) open.push(atom);
      else standsFor *= atoms[atom]!.choices.length;
    }
    covered += standsFor;
    left--;
    path.push({ vector, settled: settled.slice(), open, place: 0, choice: 0 });
  };
  visit(new Uint16Array(atoms.length), new Uint8Array(atoms.length));
  while (path.length > 0) {
    const next = nextOf(path.at(-1)!, atoms);
    if (next === null) path.pop();
    else if (left === 0) return { complete: false, covered };
    else visit(next, path.at(-1)!.settled);
  }
  return { complete: true, covered };
}

/** The next state to derive: one open atom at another choice, those before it as they were. Settles what it goes past. */
function nextOf(branching: Branching, atoms: readonly SectorAtom[]): StateVector | null {
  const { vector, settled, open } = branching;
  while (branching.place < open.length) {
    const atom = open[branching.place]!;
    settled[atom] = 1;
    branching.choice++;
    if (branching.choice < atoms[atom]!.choices.length) {
      const next = vector.slice();
      next[atom] = branching.choice;
      return next;
    }
    branching.place++;
    branching.choice = 0;
  }
  return null;
}

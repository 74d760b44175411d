/** How far a history run is: parts weighed by what they will roughly do, corrected by how long those done have taken. */

export interface PartWeight {
  readonly cells: number;
  /** Requests of a cell, as far as they are known. */
  readonly requests: number;
}

/** A cell costs a process of its own, worth about this many requests. */
const CELL_REQUESTS = 300;

export function weightOf({ cells, requests }: PartWeight): number {
  return cells * (CELL_REQUESTS + requests);
}

/** Share of the whole run that is done when part `index` is done to `share`. */
export function shareDone(weights: readonly number[], index: number, share: number): number {
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const before = weights.slice(0, index).reduce((sum, weight) => sum + weight, 0);
  return all === 0 ? 1 : (before + (weights[index] ?? 0) * share) / all;
}

/** Milliseconds left; null before enough has been done to say. */
export function remainingMs(elapsedMs: number, done: number): number | null {
  return done < 0.01 ? null : (elapsedMs * (1 - done)) / done;
}

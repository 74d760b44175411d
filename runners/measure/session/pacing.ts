/** How far a run is and how long it will take: pure arithmetic over what has been measured so far. */

/** One state of the run, for display. */
export interface RunState {
  /** From 1; 0: the one that warms up. */
  readonly round: number;
  /** Rounds that the run is now expected to have, but for that one. */
  readonly rounds: number;
  readonly cell: string;
  readonly part: string;
  /** The baseline is measured a second time in each round: what differs is noise. */
  readonly isControl?: boolean;
  /** Requests of the present sample that have been served, and of how many; null while that is not known. */
  readonly requests: number;
  readonly totalRequests: number | null;
  /** Share of the whole run, 0 to 1; null while nothing can be said. */
  readonly share: number | null;
  readonly etaMs: number | null;
}

/** Rounds that a budget will hold, judged by those done; at least the one that is always made. */
export function expectedRounds(done: number, elapsedMs: number, budgetMs: number, most: number): number {
  if (done === 0 || elapsedMs <= 0) return 1;
  return Math.min(most, Math.max(done, Math.floor(budgetMs / (elapsedMs / done))));
}

/** How far a run is: the present sample, what follows in this round, and the rounds after it. */
export interface Position {
  readonly cell: string;
  /** How long the present sample has been running. */
  readonly sampleMs: number;
  /** Cells of this round that follow. */
  readonly ahead: readonly string[];
  /** Rounds after this one. */
  readonly later: number;
  /** All cells of a round. */
  readonly cells: readonly string[];
}

/** Learns how long samples take. */
export class Pacing {
  readonly #cellMs = new Map<string, number>();
  readonly #requests: (number | null)[];

  /** `announced`: how many requests each workload announces; null when only a sample will tell. */
  constructor(announced: readonly (number | null)[]) {
    this.#requests = [...announced];
  }

  totalRequests(workload: number): number | null {
    return this.#requests[workload] ?? null;
  }

  finished(cell: string, durationMs: number, workload: number, requests: number): void {
    this.#cellMs.set(cell, durationMs);
    this.#requests[workload] = requests;
  }

  /** Milliseconds until the end of the run; null before any sample has finished. */
  remainingMs({ cell, sampleMs, ahead, later, cells }: Position): number | null {
    if (this.#cellMs.size === 0) return null;
    const rest = Math.max(0, this.#expectedMs([cell]) - sampleMs);
    return rest + this.#expectedMs(ahead) + later * this.#expectedMs(cells);
  }

  /** One sample of each of `cells`; one that was never measured counts as an average one. */
  #expectedMs(cells: readonly string[]): number {
    const known = [...this.#cellMs.values()];
    const typical = known.reduce((sum, ms) => sum + ms, 0) / known.length;
    return cells.reduce((sum, cell) => sum + (this.#cellMs.get(cell) ?? typical), 0);
  }
}

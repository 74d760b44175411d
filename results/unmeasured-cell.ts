import type { Cell } from './record.ts';

/** The part of a cell that its samples fill, before the first of them. */
export function unmeasured() {
  return {
    exact: null,
    deterministic: true,
    rounds: [],
    histograms: {},
    fileMap: null,
    cascades: [],
    verification: { content: 'not-run', contentBytes: 0, check: 'not-run', leaks: 0, corruptions: 0 },
    crash: null,
  } satisfies Partial<Cell>;
}

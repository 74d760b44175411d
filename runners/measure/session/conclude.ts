/** What a record says that follows from its samples: comparisons, costs, multiples of the raw file. */
import type { Ending } from '../../../results/comparison.ts';
import { compareCells } from '../../../results/comparison-cells.ts';
import { compareExact } from '../../../results/comparison-exact.ts';
import { rawMultiples } from '../../../results/raw-multiples.ts';
import type { Comparison, RunRecord } from '../../../results/record.ts';
import type { Baselines } from '../plan/variants.ts';
import { addCosts } from './cost.ts';

export interface Judging {
  readonly baselines: Baselines;
  readonly ending: Ending;
  /** Both sides of a comparison ought to count the same. */
  readonly comparesCounts: boolean;
}

/** Adds all of it to `record`, so far as there are samples. */
export function conclude(record: RunRecord, judging: Judging): void {
  const { cells, environment } = record;
  record.comparisons = comparisonsOf(record, judging);
  if (environment.storageCosts !== undefined) addCosts(cells, environment.storageCosts);
  for (const cell of cells) {
    const multiples = rawMultiples(cell, cells, { ending: judging.ending });
    if (multiples !== null) cell.rawMultiples = multiples;
  }
}

export function comparisonsOf({ cells }: RunRecord, { baselines, ending, comparesCounts }: Judging): Comparison[] {
  return baselines.flatMap((baselineIndex, index) => {
    const [baseline, candidate] = [baselineIndex === null ? undefined : cells[baselineIndex], cells[index]!];
    if (baseline === undefined || baseline.exact === null || candidate.exact === null) return [];
    const comparison = compareCells(baseline, candidate, { ending });
    if (!comparesCounts) return comparison.times.length > 0 ? [comparison] : [];
    const { verdict, differences } = compareExact([baseline.exact], [candidate.exact]);
    return [{ ...comparison, exact: { verdict, differences: [...differences] } }];
  });
}

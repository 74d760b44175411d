/** One record in which two commits were measured, taken apart into its two sides. */
import type { Cell, RunRecord, TimeComparison } from '../../results/record.ts';
import { commitsHeadline } from '../text/comparison-text.ts';
import type { ComparisonParts } from './comparison-report.ts';

function commitOf({ policy }: Cell): string {
  return String(policy.parameters.commit ?? '');
}

/** Null for a record that compares something else. */
export function comparisonOfRecord(record: RunRecord): ComparisonParts | null {
  const compared = (record.comparisons ?? []).filter(({ exact }) => exact !== undefined);
  const bases = new Set(compared.map(({ baseline }) => baseline));
  const heads = new Set(compared.map(({ candidate }) => candidate));
  const side = (ids: ReadonlySet<string>) => {
    const cells = record.cells.filter(({ id }) => ids.has(id));
    const { revision, commit } = cells[0]?.policy.parameters ?? {};
    return {
      name: String(revision ?? commit ?? record.runId),
      ...(cells[0] === undefined ? {} : { commit: commitOf(cells[0]) }),
      records: [{ ...record, cells }],
    };
  };
  if (compared.length === 0) return null;
  return {
    baseline: side(bases),
    candidate: side(heads),
    sentence: commitsHeadline(record) ?? '',
    command: record.command,
    run: record,
    timesOf: ({ baseline, candidate }): readonly TimeComparison[] =>
      compared.find((one) => one.baseline === baseline[0]?.cell.id && one.candidate === candidate[0]?.cell.id)?.times ??
      [],
  };
}

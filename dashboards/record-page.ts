/** The page of one record: of a comparison of two commits where it is one, else the report of a run. */
import type { RunRecord } from '../results/record.ts';
import { comparisonOfRecord } from './comparison/commit-record.ts';
import { renderComparison } from './comparison/comparison-report.ts';
import { type CommitContext, NO_COMMITS } from './reading/commit-facts.ts';
import { renderReport } from './run/report.ts';

/** `history`: earlier runs, for the course of each number of a comparison. */
export function renderRecord(
  record: RunRecord,
  known: CommitContext = NO_COMMITS,
  history: readonly RunRecord[] = [],
): Promise<string> {
  const parts = comparisonOfRecord(record);
  return parts === null ? renderReport(record) : renderComparison({ ...parts, known, history });
}

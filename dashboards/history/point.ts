/**
 * The contract of one point of the story: a question about what history did, the chart that answers it, and claims whose words
 * and verdicts are worked out from the run. A claim that does not hold in the run says so.
 */
import type { TopLevelSpec } from 'vega-lite';
import type { DataTable, Row } from '../charts/question.ts';
import type { Sentence } from './figures.ts';
import { type HistoryRun, ifMeasured } from './history-run.ts';

export interface Claim {
  /** What history is said to show; no numbers. */
  readonly said: string;
  /** What this run measured; null when the run did not measure it. */
  readonly found: Sentence | null;
  /** Null when not measured. */
  readonly holds: boolean | null;
}

export interface Point {
  /** Part of a URL. */
  readonly id: string;
  readonly title: string;
  /** What was measured, and how to read the chart. */
  readonly reading: string;
  readonly spec: TopLevelSpec;
  /** Empty when the run measured nothing of it. */
  rows(run: HistoryRun): readonly Row[];
  table(run: HistoryRun): DataTable;
  claims(run: HistoryRun): readonly Claim[];
}

/** A claim worked out by `measure`, which may find that what it needs was not measured. */
export function claim(said: string, measure: () => { readonly found: Sentence; readonly holds: boolean }): Claim {
  const measured = ifMeasured(measure);
  return { said, found: measured?.found ?? null, holds: measured?.holds ?? null };
}

/** The claim as one line of text. */
export function claimText({ said, found, holds }: Claim): string {
  if (found === null) return `Not measured in this run: ${said}`;
  return `${holds ? 'Holds' : 'DOES NOT HOLD in this run'}: ${said} ${found.text}`;
}

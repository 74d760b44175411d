/** What a run says while it measures; how it is shown, and who else keeps it, is the caller's business. */
import type { RunRecord } from '../../../results/record.ts';
import type { RunSample } from '../../../results/run-samples.ts';
import type { RunState } from './pacing.ts';

export interface BenchDisplay {
  /** `pacedMs`: by workload, how long one replay takes at least, where requests are sent at their times; `budgetMs`: for how long rounds are added. */
  started(
    record: RunRecord,
    recordFile: string,
    imageFolder: string,
    pacedMs: readonly (number | null)[],
    budgetMs: number | null,
  ): void;
  update(state: RunState): void;
  /** A part of the run that takes no samples: `done` of `of` steps. */
  stage(name: string, done: number, of: number): void;
  finished(): void;
}

/** Keeps what is measured somewhere else too, while it is measured. It never throws: the files have everything. */
export interface RunFollower {
  /** `record` has `sample` already, and those before it. */
  taken(record: RunRecord, sample: RunSample): Promise<void>;
}

export const NO_FOLLOWER: RunFollower = { taken: async () => {} };

/** What a run says while it measures; how it is shown, and who else keeps it, is the caller's business. */
import type { RunRecord } from '../../../results/record.ts';
import type { RunSample } from '../../../results/run-samples.ts';
import type { RunState } from './pacing.ts';

/** What is known about the length of a run before it begins. */
export interface RunLength {
  /** By workload, how long one replay takes at least, where requests are sent at their times. */
  readonly pacedMs: readonly (number | null)[];
  /** For how long rounds are added; null where their number is set. */
  readonly budgetMs: number | null;
  /** Of the rounds that are set, judged by an earlier run; null without one. */
  readonly earlierMs: number | null;
  /** The largest image, about. */
  readonly imageBytes: number;
}

export interface BenchDisplay {
  started(record: RunRecord, imageFolder: string, length: RunLength): void;
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

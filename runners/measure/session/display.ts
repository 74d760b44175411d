/** What a run says while it measures; how it is shown is the caller's business. */
import type { RunRecord } from '../../../results/record.ts';
import type { RunState } from './pacing.ts';

export interface BenchDisplay {
  started(record: RunRecord, recordFile: string, imageFolder: string): void;
  update(state: RunState): void;
  finished(): void;
}

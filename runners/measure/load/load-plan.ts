/** What one load run is to do. */
import type { ServerEngine } from '../plan/engines.ts';

export interface LoadPlan {
  readonly servers: readonly ServerEngine[];
  readonly clients: readonly number[];
  /** Commits of each client. */
  readonly commits: number;
  /** For each job of small requests. */
  readonly milliseconds: number;
  readonly rounds: number;
  /** Bytes that are written and read in order, a multiple of 1 MiB. */
  readonly filledBytes: number;
  /** The server that others are multiples of. */
  readonly reference: string;
  /** The words after `cowbench` that repeat the run. */
  readonly command: readonly string[];
  /** Existing folder for the images. */
  readonly directory: string;
}

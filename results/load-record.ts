/** The document of one `load` run: what several servers did under the same jobs. The report is made from this alone. */
import { z } from 'zod';
import { Environment } from './record.ts';

const label = z.string().max(4096);
const amount = z.number().nonnegative();

const LoadResult = z.object({
  job: label,
  server: label,
  clients: z.int().positive(),
  /** Medians over the rounds. */
  bytesPerSecond: amount,
  requestsPerSecond: amount,
  /** The slowest and the fastest round. */
  slowestPerSecond: amount,
  fastestPerSecond: amount,
  /** Of requests; of flushes where the job flushes. */
  medianUs: amount,
  p99Us: amount,
  /** Syncs of the image file for each flush of a client, by strace; null where nobody flushes, or nothing is kept. */
  syncsPerFlush: amount.nullable(),
});

export const LoadRecord = z.object({
  document: z.literal('cowbench-load'),
  schemaVersion: z.literal(1),
  startedAt: z.iso.datetime(),
  /** The words after `cowbench` that repeat the run. */
  command: z.array(label),
  rounds: z.int().positive(),
  /** Of each client. */
  commits: z.int().positive(),
  environment: Environment,
  /** The server that others are multiples of. */
  reference: label,
  results: z.array(LoadResult).min(1),
});

export type LoadResult = z.infer<typeof LoadResult>;
export type LoadRecord = z.infer<typeof LoadRecord>;

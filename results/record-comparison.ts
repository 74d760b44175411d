/**
 * The parts of the record that say what was compared with what, and what a time is made of. Verdicts are derived from the
 * rounds stored with them and can be recomputed; they are kept so that no reader has to.
 */
import { z } from 'zod';

const count = z.int().nonnegative();
const label = z.string().max(4096);

/** Candidate over baseline, from pairs measured in the same round. */
export const RatioInterval = z.object({
  ratio: z.number().positive(),
  low: z.number().positive(),
  high: z.number().positive(),
  confidence: z.number(),
  pairs: count,
});

/** The times that are compared. */
export const COMPARED_TIMES = ['wall', 'cpu', 'flush', 'engine', 'device'] as const;

export const TimeComparison = z.object({
  /**
   * wall: the whole replay; cpu: user and system time of it; flush: the median guest flush of a round;
   * device: the time inside file operations; engine: wall time less that.
   */
  metric: z.enum(COMPARED_TIMES),
  /** Engine time of the same requests at the same place of the stream, see `engine-spans.ts`; otherwise of whole replays. */
  byRequest: z.boolean().optional(),
  verdict: z.enum(['changed', 'same', 'unsure']),
  direction: z.enum(['higher', 'lower', 'neither']),
  interval: RatioInterval,
  /** Effects up to this share count as nothing: the least that is asked for, or the run's own noise. */
  floor: z.number().nonnegative(),
  /** The baseline against itself, measured in the same rounds. */
  control: RatioInterval.nullable(),
  /** Estimated further pairs until the verdict is no longer unsure. */
  morePairs: count,
});

const multiple = z.number().nonnegative().nullable();

/** Costs as multiples of those of a raw file that took the same requests in the same run; null where the raw file has none. */
export const RawMultiples = z.object({
  /** Id of the raw file's cell. */
  raw: label,
  /** Syncs and O_DSYNC writes. */
  waits: multiple,
  writes: multiple,
  writeBytes: multiple,
  /** The whole replay, from pairs of rounds; a point where times are virtual. */
  wall: RatioInterval.nullable(),
});

const ExactDifference = z.object({ metric: label, baseline: z.number(), candidate: z.number() });

/** One cell of the record against another. */
export const Comparison = z.object({
  baseline: label,
  candidate: label,
  times: z.array(TimeComparison),

  /** Only where both sides ought to count the same: two commits under one policy. */
  exact: z
    .object({ verdict: z.enum(['equal', 'different', 'nondeterministic']), differences: z.array(ExactDifference) })
    .optional(),
});

/** Time = sum of count x probed latency + bytes / bandwidth + engine; see `cost-model.ts`. */
export const CostBreakdown = z.object({
  terms: z.array(
    z.object({
      name: label,
      count: z.number().nonnegative(),
      unit: z.enum(['operations', 'bytes', 'run']),
      ns: z.number(),
    }),
  ),
  modelledNs: z.number(),
  measuredNs: z.number(),
  residualNs: z.number(),
  residualShare: z.number(),
});

/** What the storage under the images costs, in nanoseconds and picoseconds a byte; see `cost-model.ts`. */
export const StorageCosts = z.object({
  syncNs: z.number(),
  cleanSyncNs: z.number(),
  growthSyncNs: z.number(),
  writeOutPsPerByte: z.number(),
  odsyncWriteNs: z.number(),
  writeCallNs: z.number(),
  readCallNs: z.number(),
  copyPsPerByte: z.number(),
});

export type RawMultiples = z.infer<typeof RawMultiples>;
export type RatioInterval = z.infer<typeof RatioInterval>;
export type ComparedTime = (typeof COMPARED_TIMES)[number];
export type TimeComparison = z.infer<typeof TimeComparison>;
export type Comparison = z.infer<typeof Comparison>;

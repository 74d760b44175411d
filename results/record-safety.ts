/** What a power cut does to a policy, as a record says it. */
import { z } from 'zod';

const count = z.int().nonnegative();
const label = z.string().max(4096);

export const CrashVerdict = z.object({
  verdict: z.enum(['survived', 'leaks', 'violated']),
  /** Which workloads, on which images. */
  explored: label.optional(),
  epochs: count,
  exhaustiveEpochs: count,
  states: count,
  distinctStates: count,
  /** corrupt, lost, foreign, snapshot, secondPhase, repair, copiedShared, copiedOnly; a class that an older record lacks was in `copiedOnly` */
  violations: z.record(label, count),
  maxLeakedClusters: count,
  story: z.array(label).optional(),
});

/** What a power cut does, by what the guest was doing. */
export const Safety = z.object({
  /** During the run's own workload, as far as `explored` says; null where that could not be explored. */
  workload: CrashVerdict.nullable(),
  /** During single operations, each followed by an allocation and a flush. */
  operations: z.array(
    z.object({
      /** For example `snapshot-create`, as in `cowbench crash -w ops:OPERATION`. */
      operation: label,
      /** The disk had a snapshot. */
      onSnapshot: z.boolean(),
      verdict: z.enum(['survived', 'leaks', 'violated']),
      distinctStates: count,
      /** As in a `CrashVerdict`. */
      violations: z.record(label, count),
    }),
  ),
  /** What `operations` covers. */
  exploredOperations: label,
});

export type CrashVerdict = z.infer<typeof CrashVerdict>;
export type Safety = z.infer<typeof Safety>;

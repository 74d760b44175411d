/** What the guest of a run does, as its record says it. */
import { z } from 'zod';

const count = z.int().nonnegative();
const label = z.string().max(4096);

export const Workload = z.object({
  name: label,
  title: label,
  parameters: z.record(label, z.union([z.string(), z.number(), z.boolean()])),
  seed: count,
  guestFlush: label,
  /** How often the guest flushes on its own, where `guestFlush` is not `recorded`. */
  recordedFlushes: count.optional(),
  discard: z.enum(['ignore', 'unmap']),
  /** When requests are sent: `trace`, or a number per second; absent: each as soon as the one before is served. */
  pace: label.optional(),
  diskSizeBytes: count,
  /** Files from outside the program that decide the requests, by content; absent in records of earlier versions. */
  inputs: z
    .array(
      z.object({
        /** What it is to the workload, for example `trace`. */
        role: label,
        /** As it was named on the command line. */
        name: label,
        /** Of the content, uncompressed. */
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .optional(),
  phases: z.array(z.object({ name: label, firstRequest: count, lastRequest: count })),
});

export type Workload = z.infer<typeof Workload>;

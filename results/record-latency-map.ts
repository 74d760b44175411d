/** The part of the record that says when requests were slow: latencies counted by time and by how long they took. */
import { z } from 'zod';

/** Guest requests other than flushes, guest flushes, and syncs and writes of the image file. */
export const LATENCY_LANES = ['guest-request', 'guest-flush', 'device-sync', 'device-write'] as const;

/** More could not be drawn, and a document that claims more is refused. */
const MOST_COLUMNS = 4096;
const MOST_ROWS = 256;

/**
 * Time × latency, counts only. Column c holds what began from c × `columnNs` on, in measured time since the sample's start (of
 * a paced guest request: when it was due). Row r holds what took at least `lowestNs` × 10^(r / `rowsPerDecade`); the first row
 * also holds everything shorter, the last one everything longer.
 *
 * Each lane lists its bins column after column, in each from the first row on: a positive number is the count of the next
 * bin, a negative one skips that many empty bins; the empty ones at the end are left out.
 */
export const LatencyMap = z
  .object({
    columnNs: z.int().positive(),
    columns: z.int().positive().max(MOST_COLUMNS),
    lowestNs: z.int().positive(),
    rowsPerDecade: z.int().positive().max(MOST_ROWS),
    rows: z.int().positive().max(MOST_ROWS),
    lanes: z.partialRecord(z.enum(LATENCY_LANES), z.array(z.int())),
  })
  .refine(
    ({ columns, rows, lanes }) => Object.values(lanes).every((bins) => binsOf(bins) <= columns * rows),
    'a lane has more bins than columns × rows',
  );

/** How many bins a lane speaks of. */
function binsOf(lane: readonly number[]): number {
  return lane.reduce((bins, entry) => bins + (entry < 0 ? -entry : 1), 0);
}

export type LatencyMap = z.infer<typeof LatencyMap>;
export type LatencyLane = (typeof LATENCY_LANES)[number];

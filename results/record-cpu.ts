/** The part of the record that says where a replay's CPU time went, by call path: of one more replay, under V8's profiler. */
import { z } from 'zod';

const count = z.int().nonnegative();
const label = z.string().max(4096);

/** More could not be drawn. */
const MOST_FRAMES = 20_000;

const place = {
  name: label,
  /** `engine/cache/table-cache.ts:120`, `node:fs`; empty where there is no file. */
  place: label,
  /** `engine/cache`, `garbage collector`; the same names as in `profile`. */
  part: label,
};

export const CpuStacks = z.object({
  /** All that was sampled but idleness and the profiler itself. Calls that wait (a sync) count while they wait. */
  totalNs: count,
  /**
   * Call paths, each frame after its caller, the largest of one caller first; those of less than half a percent of the total are left
   * out. `startNs` is where the frame begins when the frames of one caller lie side by side from the caller's start on.
   */
  frames: z.array(z.object({ depth: count, ...place, startNs: count, totalNs: count, selfNs: count })).max(MOST_FRAMES),
  /** The functions with the most time of their own, over all paths; one that calls itself counts once in its total. */
  functions: z.array(z.object({ ...place, selfNs: count, totalNs: count })).max(10),
});

const share = z.number().min(0).max(1);

/** How the call paths of two sides differ, from several profiled replays of each; see `cpu-difference.ts`. */
export const CpuDifference = z.object({
  /** Id of the cell that is the base; the cell that has this is the head. */
  baseline: label,
  /** Of each side, in turns. */
  replays: z.int().positive(),
  /**
   * Call paths of both sides, each frame after its caller, as `CpuStacks` lays them out. Shares are means over the replays, callees included,
   * of the side's whole time; a place has no line, which every edit above it moves.
   */
  frames: z
    .array(z.object({ depth: count, ...place, base: share, head: share, verdict: z.enum(['more', 'less', 'same']) }))
    .max(MOST_FRAMES),
});

export type CpuDifference = z.infer<typeof CpuDifference>;
export type CpuStacks = z.infer<typeof CpuStacks>;

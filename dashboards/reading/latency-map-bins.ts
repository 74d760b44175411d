/** Makes latencies by time coarser until they fit a budget, so that a report's weight does not grow with its cells. */
import { halfTheColumns, latencyBins } from '../../results/latency-map.ts';
import type { LatencyLane, LatencyMap } from '../../results/record.ts';

/**
 * Bins of all maps of a report together, about 13 bytes each. A real run fills some 2000 a lane, and one lane of all policies is
 * drawn at once: far fewer than a canvas draws without a pause.
 */
export const MOST_BINS = 48_000;

function binsOf(map: LatencyMap): number {
  return Object.keys(map.lanes).reduce((sum, lane) => sum + latencyBins(map, lane as LatencyLane).length, 0);
}

/** `map` with at most `mostBins` bins in all of its lanes (or one column). */
export function coarserInTime(map: LatencyMap, mostBins: number): LatencyMap {
  let coarse = map;
  while (coarse.columns > 1 && binsOf(coarse) > mostBins) coarse = halfTheColumns(coarse);
  return coarse;
}

/** FIXTURE: made-up latencies by time, with a period in which everything was slow, for tests of the pages. */
import { LatencyMapBuilder } from '../../results/latency-map.ts';
import type { LatencyLane, LatencyMap } from '../../results/record.ts';
import type { Random } from './fixture-histogram.ts';

/** The slow period, as shares of the run. */
export const SLOW_FROM = 0.4;
export const SLOW_TO = 0.45;
const TIMES_SLOWER = 40;
const REQUESTS = 6000;

/** `middleNs`: the usual latency of each lane that occurs. */
export function fixtureLatencyMap(
  random: Random,
  durationNs: number,
  middleNs: Partial<Record<LatencyLane, number>>,
): LatencyMap {
  const builder = new LatencyMapBuilder();
  for (const [lane, middle] of Object.entries(middleNs) as [LatencyLane, number][]) {
    for (let request = 0; request < REQUESTS; request += 1) {
      const at = request / REQUESTS;
      const slower = at >= SLOW_FROM && at < SLOW_TO ? TIMES_SLOWER : 1;
      const bell = random() + random() + random() + random() - 2;
      builder.record(lane, at * durationNs, middle * Math.exp(bell) * slower);
    }
  }
  return builder.summary()!;
}

/** What of a comparison of commits is a regression: a count that costs something went up, or a time clearly did. */

import { ratioText, TIME_NAMES } from '../../../dashboards/text/comparison-text.ts';
import type { Comparison } from '../../../results/record.ts';

/** Counters of which more is worse, whatever the reason. */
const COST_METRICS = [
  ...['fsyncs', 'workingSyncs', 'odsyncWrites', 'writes', 'writeBytes'],
  ...['reads', 'readBytes', 'imageBytes'],
];

/** One line each. */
export function regressions(comparisons: readonly Comparison[]): string[] {
  return comparisons.flatMap(({ candidate, exact, times }) => [
    ...(exact?.differences ?? [])
      .filter(({ metric, baseline, candidate: now }) => isCost(metric) && now > baseline)
      .map(({ metric, baseline, candidate: now }) => `${candidate}: ${metric} ${baseline} -> ${now}`),
    ...times
      .filter(({ verdict, direction }) => verdict === 'changed' && direction === 'higher')
      .map((time) => `${candidate}: ${TIME_NAMES[time.metric]} ${ratioText(time)}`),
  ]);
}

export function isCost(metric: string): boolean {
  return COST_METRICS.includes(metric);
}

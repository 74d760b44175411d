/**
 * The engine time of two rounds that served the same requests by the same file operations, paired by the place of the requests in the
 * stream. The ratio is the median over spans of requests: what the machine did to a few of them moves nothing, where it moves a sum.
 */
import type { Round } from './record.ts';
import { median } from './statistics.ts';

/** The median of fewer depends too much on each. */
const LEAST_SPANS = 16;

/** `other` over `base`; null where a side has no spans, or not the same. */
export function spanRatio({ engineSpansNs: base }: Round, { engineSpansNs: other }: Round): number | null {
  if (base === undefined || other === undefined || base.length !== other.length) return null;
  const ratios = base.flatMap((ns, span) => (ns > 0 && other[span]! > 0 ? [other[span]! / ns] : []));
  return ratios.length < LEAST_SPANS ? null : median(ratios);
}

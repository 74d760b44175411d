/** How long one replay takes at least when its requests are sent at their times: known before anything is measured. */
import type { RequestStream } from '../../../workloads/request.ts';
import { UsageError } from '../../console/errors.ts';
import { parsePace } from '../../sample/pace.ts';

/**
 * Milliseconds from the first request to the last at `pace`; runs through all `requests`.
 * @throws UsageError when they are to be sent at their own times and have none.
 */
export async function pacedLengthMs(pace: string, requests: RequestStream): Promise<number> {
  const asked = parsePace(pace);
  let count = 0;
  let firstUs: number | undefined;
  let lastUs = 0;
  for await (const batch of requests) {
    for (const request of batch) {
      if (request.op === 'mark') continue;
      count++;
      const atUs = 'atUs' in request ? request.atUs : undefined;
      firstUs ??= atUs;
      if ('speed' in asked && firstUs === undefined) {
        throw new UsageError(`--pace trace: request ${count} (${request.op}) has no time; give a rate instead`);
      }
      if (atUs !== undefined) lastUs = Math.max(lastUs, atUs);
    }
  }
  if ('requestsPerSecond' in asked) return (Math.max(0, count - 1) / asked.requestsPerSecond) * 1000;
  return (lastUs - (firstUs ?? 0)) / asked.speed / 1000;
}

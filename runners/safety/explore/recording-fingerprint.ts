/** Recordings with the same fingerprint have the same crash states, under the same promises. */
import { createHash } from 'node:crypto';
import type { CrashRecording } from '../states/record-workload.ts';

/** Of everything that an exploration depends on, whatever policy or table cache it came from. */
export function fingerprintOf({ workload, base, events, durableAt }: CrashRecording): string {
  const { cacheTables: _, ...work } = workload;
  const hash = createHash('sha256')
    .update(JSON.stringify([work, durableAt]))
    .update(base);
  for (const event of events) {
    const { bytes, ...rest } = { bytes: null, ...event };
    hash.update(JSON.stringify([rest, bytes?.length ?? null]));
    if (bytes !== null) hash.update(bytes);
  }
  return hash.digest('base64');
}

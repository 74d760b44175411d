/** `install-burst`: a synthetic installation of adjustable size, see burst-guest.ts. */
import { GiB, MiB, roundUp } from '../engine/base/units.ts';
import { batched, noRequests } from './batches.ts';
import { BURST_PHASES, BurstGuest } from './burst-guest.ts';
import { BurstLayout } from './burst-layout.ts';
import { sizeParameter, sizeText } from './parameters.ts';
import type { GuestRequest } from './request.ts';
import { defineWorkload } from './workload.ts';

/** Up to here the requests are counted beforehand, which takes a fraction of a second, so that progress has an end. */
const COUNTED_UP_TO_BYTES = 8 * GiB;

export const installBurst = defineWorkload({
  name: 'install-burst',
  title: 'installation (synthetic)',
  parameters: {
    data: sizeParameter('bytes of files unpacked', 128 * MiB),
  },
  plan({ data }, { seed }) {
    // Twice the data and half a gigabyte: packages, metadata, journal, and the emptiness that file systems keep.
    const layout = new BurstLayout(roundUp(2 * data + 512 * MiB, 128 * MiB));
    const guest = () => new BurstGuest(layout, data, seed).install();
    return {
      diskSizeBytes: layout.diskSizeBytes,
      phases: BURST_PHASES,
      ...(data <= COUNTED_UP_TO_BYTES && { totalRequests: countRequests(guest()) }),
      describe: () =>
        `a synthetic installation of ${sizeText(data)} of files on a blank disk of ${sizeText(layout.diskSizeBytes)}, seed ${seed}`,
      prepare: noRequests,
      requests: () => batched(guest()),
    };
  },
});

function countRequests(requests: Iterable<GuestRequest>): number {
  let count = 0;
  for (const request of requests) if (request.op !== 'mark') count++;
  return count;
}

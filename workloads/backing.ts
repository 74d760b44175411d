/** `backing`: first writes over a full backing image; each one copies the rest of its cluster. */
import { KiB, MiB } from '../engine/base/units.ts';
import { countWithFlushes, requireFit, shuffledPlaces, withFlushes } from './access.ts';
import { batched, noRequests } from './batches.ts';
import { countParameter, sizeParameter, sizeText } from './parameters.ts';
import { Prng } from './prng.ts';
import type { GuestRequest } from './request.ts';
import { defineWorkload } from './workload.ts';

const PHASE = 'first-writes';

export const backing = defineWorkload({
  name: 'backing',
  title: 'first writes over a backing image',
  independent: true,
  parameters: {
    span: sizeParameter('size of the disk and of its full backing image', 256 * MiB),
    requestBytes: sizeParameter('length of a write', 4 * KiB),
    writes: countParameter('number of writes, at most one a cluster', 'writes', 2048),
    flushEvery: countParameter('a guest flush after every N writes; 0: a single one at the end', 'writes', 32, 0),
  },
  plan({ span, requestBytes, writes, flushEvery }, { seed, clusterSizeBytes }) {
    requireFit('backing', requestBytes, span);
    // A place is a cluster, or as many as a request covers: no place is written twice, so every write is a first one.
    const placeBytes = Math.ceil(requestBytes / clusterSizeBytes) * clusterSizeBytes;
    const places = Math.max(1, Math.floor(span / placeBytes));
    const count = Math.min(writes, places);
    function* firstWrites(): Generator<GuestRequest> {
      const prng = new Prng(seed);
      const slots = Math.max(1, Math.floor(Math.min(placeBytes, span) / requestBytes));
      for (const place of shuffledPlaces(prng, places).subarray(0, count)) {
        const offset = place * placeBytes + prng.below(slots) * requestBytes;
        yield { op: 'write', offset, length: requestBytes };
      }
    }
    function* requests(): Generator<GuestRequest> {
      yield { op: 'mark', text: PHASE };
      yield* withFlushes(firstWrites(), flushEvery);
    }
    return {
      diskSizeBytes: span,
      backingImage: true,
      phases: [PHASE],
      totalRequests: countWithFlushes(count, flushEvery),
      describe: () =>
        `${count} first writes of ${sizeText(requestBytes)} at random clusters over a full backing image of ${sizeText(span)}`,
      prepare: noRequests,
      requests: () => batched(requests()),
    };
  },
});

/** `sequential-write`: an empty disk filled front to back; each write of a cluster or more allocates whole clusters. */
import { KiB, MiB } from '../engine/base/units.ts';
import { countWithFlushes, requireFit, withFlushes, writeRange } from './access.ts';
import { batched, noRequests } from './batches.ts';
import { countParameter, sizeParameter, sizeText } from './parameters.ts';
import type { GuestRequest } from './request.ts';
import { defineWorkload } from './workload.ts';

const PHASE = 'sequential-write';

export const sequentialWrite = defineWorkload({
  name: 'sequential-write',
  title: 'sequential writes to an empty disk',
  independent: true,
  parameters: {
    span: sizeParameter('part of the disk written to, front to back; also the size of the disk', 64 * MiB),
    requestBytes: sizeParameter('length of a write', 64 * KiB),
    flushEvery: countParameter('a guest flush after every N writes; 0: a single one at the end', 'writes', 0, 0),
  },
  plan({ span, requestBytes, flushEvery }) {
    requireFit('sequential-write', requestBytes, span);
    const writes = Math.ceil(span / requestBytes);
    function* requests(): Generator<GuestRequest> {
      yield { op: 'mark', text: PHASE };
      yield* withFlushes(writeRange(0, span, requestBytes), flushEvery);
    }
    return {
      diskSizeBytes: span,
      phases: [PHASE],
      totalRequests: countWithFlushes(writes, flushEvery),
      describe: () =>
        `${writes} writes of ${sizeText(requestBytes)}, in sequence, to an empty disk of ${sizeText(span)}`,
      prepare: noRequests,
      requests: () => batched(requests()),
    };
  },
});

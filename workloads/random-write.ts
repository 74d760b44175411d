/** `random-write`: small writes at random places of an empty disk; nearly each allocates a cluster at first. */
import { KiB, MiB } from '../engine/base/units.ts';
import { countWithFlushes, randomWrites, requireFit, withFlushes } from './access.ts';
import { batched, noRequests } from './batches.ts';
import { countParameter, sizeParameter, sizeText } from './parameters.ts';
import { Prng } from './prng.ts';
import type { GuestRequest } from './request.ts';
import { defineWorkload } from './workload.ts';

const PHASE = 'random-write';

export const randomWrite = defineWorkload({
  name: 'random-write',
  title: 'random writes to an empty disk',
  independent: true,
  parameters: {
    span: sizeParameter('part of the disk written to, from its start; also the size of the disk', 256 * MiB),
    requestBytes: sizeParameter('length of a write', 4 * KiB),
    writes: countParameter('number of writes', 'writes', 8192),
    flushEvery: countParameter('a guest flush after every N writes; 0: a single one at the end', 'writes', 32, 0),
  },
  plan({ span, requestBytes, writes, flushEvery }, { seed }) {
    requireFit('random-write', requestBytes, span);
    function* requests(): Generator<GuestRequest> {
      yield { op: 'mark', text: PHASE };
      yield* withFlushes(randomWrites(new Prng(seed), span, requestBytes, writes), flushEvery);
    }
    return {
      diskSizeBytes: span,
      phases: [PHASE],
      totalRequests: countWithFlushes(writes, flushEvery),
      describe: () => `${writes} random writes of ${sizeText(requestBytes)} to an empty disk of ${sizeText(span)}`,
      prepare: noRequests,
      requests: () => batched(requests()),
    };
  },
});

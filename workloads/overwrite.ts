/** `overwrite`: writes to clusters that exist already, where copy-on-write images should cost nothing extra. */
import { KiB, MiB } from '../engine/base/units.ts';
import { countWithFlushes, randomWrites, requireFit, withFlushes, writeRange } from './access.ts';
import { batched } from './batches.ts';
import { choiceParameter, countParameter, sizeParameter, sizeText } from './parameters.ts';
import { Prng } from './prng.ts';
import type { GuestRequest } from './request.ts';
import { defineWorkload } from './workload.ts';

const PHASE = 'overwrite';

export const overwrite = defineWorkload({
  name: 'overwrite',
  title: 'overwrites of allocated clusters',
  independent: true,
  parameters: {
    span: sizeParameter('part of the disk that is full and overwritten; also the size of the disk', 256 * MiB),
    requestBytes: sizeParameter('length of a write', 4 * KiB),
    writes: countParameter('number of writes', 'writes', 8192),
    flushEvery: countParameter('a guest flush after every N writes; 0: a single one at the end', 'writes', 32, 0),
    order: choiceParameter('where the next write goes', ['random', 'sequential'], 'random'),
  },
  plan({ span, requestBytes, writes, flushEvery, order }, { seed }) {
    requireFit('overwrite', requestBytes, span);
    const places = () =>
      order === 'random'
        ? randomWrites(new Prng(seed), span, requestBytes, writes)
        : sequentialWrites(span, requestBytes, writes);
    function* requests(): Generator<GuestRequest> {
      yield { op: 'mark', text: PHASE };
      yield* withFlushes(places(), flushEvery);
    }
    return {
      diskSizeBytes: span,
      phases: [PHASE],
      totalRequests: countWithFlushes(writes, flushEvery),
      describe: () => `${writes} ${order} writes of ${sizeText(requestBytes)} over a full disk of ${sizeText(span)}`,
      prepare: () => batched(withFlushes(writeRange(0, span), 0)),
      requests: () => batched(requests()),
    };
  },
});

function* sequentialWrites(spanBytes: number, lengthBytes: number, count: number): Generator<GuestRequest> {
  const places = Math.floor(spanBytes / lengthBytes);
  for (let made = 0; made < count; made++) {
    yield { op: 'write', offset: (made % places) * lengthBytes, length: lengthBytes };
  }
}

/**
 * `savevm`: what `savevm`, `loadvm` and `delvm` do to a disk: the VM state is written front to back in small pieces, then a
 * snapshot takes it and the disk; loading applies the snapshot and reads the state back.
 */
import { KiB, MiB } from '../engine/base/units.ts';
import { countWithFlushes, randomWrites, withFlushes, writeRange } from './access.ts';
import { batched } from './batches.ts';
import { countParameter, sizeParameter, sizeText } from './parameters.ts';
import { Prng } from './prng.ts';
import type { GuestRequest } from './request.ts';
import { defineWorkload } from './workload.ts';

const GUEST_WRITE_BYTES = 4 * KiB;
const FLUSH_EVERY_WRITES = 16;

export const savevm = defineWorkload({
  name: 'savevm',
  title: 'save, restore and delete VM states',
  parameters: {
    memory: sizeParameter('VM state of a save', 64 * MiB),
    stateRequestBytes: sizeParameter('length of a write or read of VM state', 32 * KiB),
    saves: countParameter('saves before the first one is restored', 'saves', 2),
    disk: sizeParameter('part of the disk in use; also the size of the disk', 64 * MiB),
    writesBetween: countParameter('random writes of 4 KiB that the guest makes after each save', 'writes', 256, 0),
  },
  plan({ memory, stateRequestBytes, saves, disk, writesBetween }, { seed }) {
    const diskSizeBytes = Math.max(disk, GUEST_WRITE_BYTES);
    function* save(name: string, prng: Prng): Generator<GuestRequest> {
      yield { op: 'mark', text: 'save' };
      yield { op: 'flush' };
      yield* vmState('vmstate-write', memory, stateRequestBytes);
      yield { op: 'snapshot-create', name };
      yield { op: 'mark', text: 'run' };
      yield* withFlushes(randomWrites(prng, diskSizeBytes, GUEST_WRITE_BYTES, writesBetween), FLUSH_EVERY_WRITES);
    }
    function* requests(): Generator<GuestRequest> {
      const prng = new Prng(seed);
      for (let number = 1; number <= saves; number++) yield* save(`vm-${number}`, prng);
      yield { op: 'mark', text: 'restore' };
      yield { op: 'snapshot-apply', name: 'vm-1' };
      yield* vmState('vmstate-read', memory, stateRequestBytes);
      yield { op: 'mark', text: 'delete' };
      for (let number = 1; number <= saves; number++) yield { op: 'snapshot-delete', name: `vm-${number}` };
      yield { op: 'flush' };
    }
    const pieces = Math.ceil(memory / stateRequestBytes);
    // Flush, state, snapshot, writes after it; and, at the end, the snapshot's deletion.
    const aSave = 1 + pieces + 1 + countWithFlushes(writesBetween, FLUSH_EVERY_WRITES) + 1;
    return {
      diskSizeBytes,
      vmStateSizeBytes: memory,
      phases: ['save', 'run', 'restore', 'delete'],
      totalRequests: saves * aSave + pieces + 2,
      describe: () =>
        `${saves} saves of ${sizeText(memory)} of VM state with ${writesBetween} guest writes after each, a restore of the first, then all deleted`,
      prepare: () => batched(withFlushes(writeRange(0, diskSizeBytes), 0)),
      requests: () => batched(requests()),
    };
  },
});

function* vmState(
  op: 'vmstate-write' | 'vmstate-read',
  sizeBytes: number,
  pieceBytes: number,
): Generator<GuestRequest> {
  for (let offset = 0; offset < sizeBytes; offset += pieceBytes) {
    yield { op, offset, length: Math.min(pieceBytes, sizeBytes - offset) };
  }
}

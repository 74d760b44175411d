/**
 * Filling new clusters with one write: the guest's data, and around it what it leaves out of its first and last unit. Where the guest reads
 * zeros there, and the place does too, nothing is written (qcow2.rst, "Copy-on-write").
 */
import type { GuestOffset } from '../base/units.ts';
import type { GuestDisk } from '../disk/device.ts';
import { CLUSTER_UNALLOCATED, CLUSTER_ZERO_ALLOCATED, CLUSTER_ZERO_PLAIN } from '../format/l2-entry.ts';
import type { BlockFile } from '../io/block-file.ts';
import type { Geometry } from './geometry.ts';
import type { Mapping } from './mapping.ts';
import type { WriteRun } from './write-runs.ts';

export interface MergedWritesParts {
  readonly geometry: Geometry;
  readonly mapping: Mapping;
  readonly backing: GuestDisk | null;
}

/** What a run's data leaves out of its first and last unit and must be there all the same, in bytes. */
export function leftOut({ guestOffset, lengthBytes, unitBytes, copiesHead, copiesTail }: WriteRun): {
  headBytes: number;
  tailBytes: number;
} {
  const end = guestOffset + lengthBytes;
  return {
    headBytes: copiesHead ? guestOffset % unitBytes : 0,
    tailBytes: copiesTail ? (unitBytes - (end % unitBytes)) % unitBytes : 0,
  };
}

export class MergedWrites {
  readonly #parts: MergedWritesParts;
  readonly #data: BlockFile;
  readonly #readOld: (offset: GuestOffset, into: Uint8Array) => void;

  constructor(parts: MergedWritesParts, data: BlockFile, readOld: (offset: GuestOffset, into: Uint8Array) => void) {
    this.#parts = parts;
    this.#data = data;
    this.#readOld = readOld;
  }

  /** Writes `piece` to host offset `at`, and what completes the run's units. True if the place had to be given other content. */
  fill(run: WriteRun, at: number, piece: Uint8Array): boolean {
    const { headBytes, tailBytes } = leftOut(run);
    const end = run.guestOffset + run.lengthBytes;
    const headIsZero = headBytes === 0 || this.#readsAsZeros(run.guestOffset - headBytes, headBytes);
    const tailIsZero = tailBytes === 0 || this.#readsAsZeros(end, tailBytes);
    const placeIsZero = run.readsAsZeros || (headBytes + tailBytes > 0 && this.#makeZero(run, headIsZero, tailIsZero));
    const head = headIsZero && placeIsZero ? 0 : headBytes;
    const tail = tailIsZero && placeIsZero ? 0 : tailBytes;
    this.#data.write(at - head, head + tail === 0 ? piece : this.#around(run, piece, head, tail), 'data');
    return head + tail > 0 || (!run.readsAsZeros && headBytes + tailBytes > 0);
  }

  /** The data between `head` and `tail` bytes of what the guest has there now. */
  #around(run: WriteRun, piece: Uint8Array, head: number, tail: number): Uint8Array {
    const whole = new Uint8Array(head + piece.length + tail);
    whole.set(piece, head);
    if (head > 0) this.#readOld((run.guestOffset - head) as GuestOffset, whole.subarray(0, head));
    if (tail > 0) {
      const end = run.guestOffset + run.lengthBytes;
      this.#readOld(end as GuestOffset, whole.subarray(head + piece.length));
    }
    return whole;
  }

  /** Punches the clusters, which hold what they held for somebody else, where that spares writing zeros. */
  #makeZero({ hostOffset, allocatedBytes, isUnnamed }: WriteRun, headIsZero: boolean, tailIsZero: boolean): boolean {
    if (!isUnnamed || !(headIsZero || tailIsZero)) return false;
    return this.#data.punchHole(hostOffset, allocatedBytes);
  }

  #readsAsZeros(guestOffset: number, lengthBytes: number): boolean {
    const { mapping, backing } = this.#parts;
    for (let done = 0; done < lengthBytes; ) {
      const extent = mapping.extentAt((guestOffset + done) as GuestOffset, lengthBytes - done);
      const isZero = extent.kind === CLUSTER_ZERO_PLAIN || extent.kind === CLUSTER_ZERO_ALLOCATED;
      const isAbsent =
        extent.kind === CLUSTER_UNALLOCATED && (backing === null || guestOffset + done >= backing.sizeBytes);
      if (!isZero && !isAbsent) return false;
      done += extent.lengthBytes;
    }
    return true;
  }
}

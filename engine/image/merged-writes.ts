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
import type { MappingUpdates } from './mapping-updates.ts';
import type { WriteRun, WriteRuns } from './write-runs.ts';

export interface MergedWritesParts {
  readonly runs: WriteRuns;
  readonly updates: MappingUpdates;
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

  /** Writes as much of `bytes` as goes to one stretch of the file, with what completes its units, and links it. Returns how much. */
  write(guestOffset: GuestOffset, bytes: Uint8Array): number {
    const { geometry, runs, updates } = this.#parts;
    const group = this.#stretchFrom(guestOffset, bytes.length);
    const lengthBytes = group.reduce((sum, run) => sum + run.lengthBytes, 0);
    const at = group[0]!.hostOffset + geometry.offsetInCluster(guestOffset);
    let unlinked = group;
    try {
      const copied = this.#fill(group, at, bytes.subarray(0, lengthBytes));
      for (const [index, run] of group.entries()) {
        unlinked = group.slice(index + 1);
        if (run.unlinkedClusters > 0) updates.link(run, copied[index]!, () => runs.giveBack(run));
      }
    } catch (error) {
      for (const run of unlinked) runs.giveBack(run);
      throw error;
    }
    return lengthBytes;
  }

  /** The run at `guestOffset` and those that continue it, in the guest's disk and in the file. */
  #stretchFrom(guestOffset: GuestOffset, maxBytes: number): WriteRun[] {
    const { geometry, runs } = this.#parts;
    const group = [runs.prepare(guestOffset, maxBytes)];
    try {
      for (let done = group[0]!.lengthBytes; done < maxBytes; ) {
        const at = group[0]!.hostOffset + geometry.offsetInCluster(guestOffset) + done;
        const next = runs.continueAt(at, (guestOffset + done) as GuestOffset, maxBytes - done);
        if (next === null) break;
        group.push(next);
        done += next.lengthBytes;
      }
      return group;
    } catch (error) {
      for (const run of group) runs.giveBack(run);
      throw error;
    }
  }

  /**
   * Writes `bytes` to host offset `at`, and what completes the units of each run: in the same write where there is one run. Says for
   * each whether its place had to be given other content.
   */
  #fill(group: readonly WriteRun[], at: number, bytes: Uint8Array): boolean[] {
    // Before the data: a place that is made zero loses what it holds.
    const around = group.map((run) => this.#around(run));
    if (group.length === 1) {
      const { head, tail } = around[0]!;
      this.#data.write(at - head, head + tail === 0 ? bytes : this.#withOld(group[0]!, bytes, head, tail), 'data');
      return [around[0]!.copied];
    }
    this.#data.write(at, bytes, 'data');
    let start = at;
    return group.map((run, index) => {
      const { head, tail, copied } = around[index]!;
      const end = start + run.lengthBytes;
      if (head > 0) this.#data.write(start - head, this.#old(run.guestOffset - head, head), 'cow');
      if (tail > 0) this.#data.write(end, this.#old(run.guestOffset + run.lengthBytes, tail), 'cow');
      start = end;
      return copied;
    });
  }

  /** How much of what the run leaves out must be written, and whether its place had to be given other content. */
  #around(run: WriteRun): { readonly head: number; readonly tail: number; readonly copied: boolean } {
    if (run.unlinkedClusters === 0) return { head: 0, tail: 0, copied: false };
    const { headBytes, tailBytes } = leftOut(run);
    const end = run.guestOffset + run.lengthBytes;
    const headIsZero = headBytes === 0 || this.#readsAsZeros(run.guestOffset - headBytes, headBytes);
    const tailIsZero = tailBytes === 0 || this.#readsAsZeros(end, tailBytes);
    const placeIsZero = run.readsAsZeros || (headBytes + tailBytes > 0 && this.#makeZero(run, headIsZero, tailIsZero));
    const head = headIsZero && placeIsZero ? 0 : headBytes;
    const tail = tailIsZero && placeIsZero ? 0 : tailBytes;
    return { head, tail, copied: head + tail > 0 || (!run.readsAsZeros && headBytes + tailBytes > 0) };
  }

  /** The data between `head` and `tail` bytes of what the guest has there now. */
  #withOld(run: WriteRun, bytes: Uint8Array, head: number, tail: number): Uint8Array {
    const whole = new Uint8Array(head + bytes.length + tail);
    whole.set(bytes, head);
    if (head > 0) this.#readOld((run.guestOffset - head) as GuestOffset, whole.subarray(0, head));
    const end = (run.guestOffset + run.lengthBytes) as GuestOffset;
    if (tail > 0) this.#readOld(end, whole.subarray(head + bytes.length));
    return whole;
  }

  #old(guestOffset: number, lengthBytes: number): Uint8Array {
    const bytes = new Uint8Array(lengthBytes);
    this.#readOld(guestOffset as GuestOffset, bytes);
    return bytes;
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

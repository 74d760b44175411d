/**
 * Guest reads and writes, copy-on-write included (qcow2.rst, "Copy-on-write" and "Cluster mapping"). Offsets are guest bytes; VM
 * state is mapped past the end of the disk. The file is read and written in whole sectors.
 */

import { Qcow2Error } from '../base/errors.ts';
import { type GuestOffset, roundDown, roundUp, SECTOR_BYTES } from '../base/units.ts';
import type { Behaviour } from '../cache/behaviour.ts';
import type { GuestDisk } from '../disk/device.ts';
import {
  CLUSTER_COMPRESSED,
  CLUSTER_NORMAL,
  CLUSTER_UNALLOCATED,
  CLUSTER_ZERO_ALLOCATED,
  CLUSTER_ZERO_PLAIN,
} from '../format/l2-entry.ts';
import type { BlockFile } from '../io/block-file.ts';
import type { CompressedClusters } from './compressed.ts';
import type { Geometry } from './geometry.ts';
import type { Extent, Mapping } from './mapping.ts';
import type { MappingUpdates } from './mapping-updates.ts';
import { leftOut, MergedWrites } from './merged-writes.ts';
import type { ImageVars } from './vars.ts';
import type { WriteRun, WriteRuns } from './write-runs.ts';

export interface GuestIoParts {
  readonly file: BlockFile;
  readonly dataFile: BlockFile | null;
  readonly backing: GuestDisk | null;
  readonly geometry: Geometry;
  readonly behaviour: Pick<Behaviour, 'copyOnWrite'>;
  readonly vars: ImageVars;
  readonly mapping: Mapping;
  readonly updates: MappingUpdates;
  readonly runs: WriteRuns;
  readonly compressed: CompressedClusters;
}

export class GuestIo {
  readonly #parts: GuestIoParts;
  /** The file that guest data lies in. */
  readonly #data: BlockFile;
  /** One cluster, for copy-on-write. */
  readonly #copyBuffer: Uint8Array;
  readonly #merged: MergedWrites;

  constructor(parts: GuestIoParts) {
    this.#parts = parts;
    this.#data = parts.dataFile ?? parts.file;
    this.#copyBuffer = new Uint8Array(parts.geometry.clusterBytes);
    this.#merged = new MergedWrites(parts, this.#data, (offset, into) => this.#readSectors(offset, into, 'cow'));
  }

  /** Fills `into` with the guest's bytes from byte `offset` on. */
  read(offset: number, into: Uint8Array): void {
    const start = roundDown(offset, SECTOR_BYTES);
    const end = roundUp(offset + into.length, SECTOR_BYTES);
    if (start === offset && end === offset + into.length) return this.#readSectors(start as GuestOffset, into, 'data');
    const covering = new Uint8Array(end - start);
    this.#readSectors(start as GuestOffset, covering, 'data');
    into.set(covering.subarray(offset - start, offset - start + into.length));
  }

  /** Writes `bytes` from byte `offset` on; what they leave of their first and last sector is kept. Durable only after a flush. */
  write(offset: number, bytes: Uint8Array): void {
    if (offset % SECTOR_BYTES === 0 && bytes.length % SECTOR_BYTES === 0)
      return this.#writeSectors(offset as GuestOffset, bytes);
    const start = roundDown(offset, SECTOR_BYTES);
    const end = roundUp(offset + bytes.length, SECTOR_BYTES);
    const covering = new Uint8Array(end - start);
    this.#readSectors(start as GuestOffset, covering, 'data');
    covering.set(bytes, offset - start);
    this.#writeSectors(start as GuestOffset, covering);
  }

  /** Writes a whole cluster, or the last one of the disk up to its end, compressed; plainly where that saves nothing. */
  writeCompressed(offset: number, bytes: Uint8Array): void {
    const whole = new Uint8Array(this.#parts.geometry.clusterBytes);
    whole.set(bytes);
    if (!this.#parts.compressed.write(offset as GuestOffset, whole)) this.write(offset, bytes);
  }

  /** @throws Qcow2Error INVALID_ARGUMENT for what is not one whole cluster, UNSUPPORTED with an external data file. */
  requireCompressible(offset: number, lengthBytes: number): void {
    const { geometry, vars, dataFile } = this.#parts;
    const { clusterBytes } = geometry;
    const isTail = offset + lengthBytes === vars.sizeBytes && lengthBytes < clusterBytes;
    if (!geometry.isClusterAligned(offset) || !(lengthBytes === clusterBytes || isTail)) {
      const message = `compressed write of ${lengthBytes} bytes at offset ${offset} is not one whole cluster of ${clusterBytes} bytes`;
      throw new Qcow2Error('INVALID_ARGUMENT', message, { offset });
    }
    if (dataFile !== null)
      throw new Qcow2Error('UNSUPPORTED', 'an image with an external data file has no compressed clusters');
  }

  /** Guest offset of byte `offset` of the VM state: past what the last L1 entry of the disk maps. */
  vmStateAt(offset: number): number {
    const { geometry, vars } = this.#parts;
    const at = geometry.l1EntriesFor(vars.sizeBytes) * geometry.bytesPerL2Table + offset;
    if (Number.isSafeInteger(at) && offset >= 0) return at;
    throw new Qcow2Error('INVALID_ARGUMENT', `VM state offset ${offset} is not an integer from 0 on`, { offset });
  }

  /** `kind` says on whose behalf the file is read. */
  #readSectors(guestOffset: GuestOffset, into: Uint8Array, kind: 'data' | 'cow'): void {
    const { mapping } = this.#parts;
    let done = 0;
    while (done < into.length) {
      const offset = (guestOffset + done) as GuestOffset;
      const extent = mapping.extentAt(offset, into.length - done);
      this.#readExtent(extent, offset, into.subarray(done, done + extent.lengthBytes), kind);
      done += extent.lengthBytes;
    }
  }

  #readExtent(extent: Extent, offset: GuestOffset, into: Uint8Array, kind: 'data' | 'cow'): void {
    const { compressed, geometry } = this.#parts;
    switch (extent.kind) {
      case CLUSTER_NORMAL:
        return this.#data.read(extent.hostOffset, into, kind);
      case CLUSTER_UNALLOCATED:
        return this.#readBacking(offset, into);
      case CLUSTER_COMPRESSED:
        return compressed.read(extent.compressed!, geometry.offsetInCluster(offset), into);
      case CLUSTER_ZERO_PLAIN:
      case CLUSTER_ZERO_ALLOCATED:
        into.fill(0);
        return;
    }
  }

  /** What the backing disk has at `guestOffset`; zeros past its end, and past the end of this disk (VM state lies there). */
  #readBacking(guestOffset: GuestOffset, into: Uint8Array): void {
    const { backing, vars } = this.#parts;
    const endBytes = backing === null ? 0 : Math.min(backing.sizeBytes, vars.sizeBytes);
    const available = Math.max(0, Math.min(into.length, endBytes - guestOffset));
    if (available > 0) backing?.read(guestOffset, into.subarray(0, available));
    into.fill(0, available);
  }

  #writeSectors(guestOffset: GuestOffset, bytes: Uint8Array): void {
    const { runs, updates, behaviour } = this.#parts;
    let done = 0;
    while (done < bytes.length) {
      const offset = (guestOffset + done) as GuestOffset;
      if (behaviour.copyOnWrite === 'merged') {
        done += this.#merged.write(offset, bytes.subarray(done));
        continue;
      }
      const run = runs.prepare(offset, bytes.length - done);
      // Mostly one run: a view of all of it would cost as much as finding its place.
      const isAll = run.lengthBytes === bytes.length;
      const copied = this.#fill(run, offset, isAll ? bytes : bytes.subarray(done, done + run.lengthBytes));
      if (run.unlinkedClusters > 0) updates.link(run, copied, () => runs.giveBack(run));
      done += run.lengthBytes;
    }
  }

  /** Puts the run's content into its clusters. True if some of it was copied. What failed is not referenced, and given back. */
  #fill(run: WriteRun, offset: GuestOffset, bytes: Uint8Array): boolean {
    const { geometry, runs } = this.#parts;
    try {
      const at = run.hostOffset + geometry.offsetInCluster(offset);
      this.#data.write(at, bytes, 'data');
      return run.unlinkedClusters > 0 && this.#copyAround(run);
    } catch (error) {
      runs.giveBack(run);
      throw error;
    }
  }

  /** Copies the old content around the written bytes into the run's first and last unit. True if it did. */
  #copyAround(run: WriteRun): boolean {
    const { headBytes, tailBytes } = leftOut(run);
    const { guestOffset, lengthBytes } = run;
    if (headBytes > 0) this.#copyOld(run, guestOffset - headBytes, headBytes);
    if (tailBytes > 0) this.#copyOld(run, guestOffset + lengthBytes, tailBytes);
    return headBytes > 0 || tailBytes > 0;
  }

  #copyOld(run: WriteRun, guestOffset: number, lengthBytes: number): void {
    const piece = this.#copyBuffer.subarray(0, lengthBytes);
    this.#readSectors(guestOffset as GuestOffset, piece, 'cow');
    const runStart = roundDown(run.guestOffset, this.#parts.geometry.clusterBytes);
    this.#data.write(run.hostOffset + guestOffset - runStart, piece, 'cow');
  }
}

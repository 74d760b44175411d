/**
 * Discard and write-zeroes: clusters that lose their content, with or without their place in the file
 * (qcow2.rst, "Standard Cluster Descriptor" bit 0, and the zero bitmap of extended L2 entries).
 */
import { Qcow2Error } from '../base/errors.ts';
import { type GuestOffset, roundDown, roundUp } from '../base/units.ts';
import type { CachedTable } from '../cache/cached-table.ts';
import type { ByteRange, GuestDisk } from '../disk/device.ts';
import { AUTOCLEAR, type Header } from '../format/header.ts';
import {
  CLUSTER_COMPRESSED,
  CLUSTER_NORMAL,
  CLUSTER_UNALLOCATED,
  CLUSTER_ZERO_ALLOCATED,
  CLUSTER_ZERO_PLAIN,
  type ClusterKind,
} from '../format/l2-entry.ts';
import type { BlockFile } from '../io/block-file.ts';
import type { L2Entries } from './entries.ts';
import type { FeatureBits } from './feature-bits.ts';
import type { Geometry } from './geometry.ts';
import type { GuestIo } from './guest-io.ts';
import type { Mapping } from './mapping.ts';
import type { EntryChange, MappingUpdates } from './mapping-updates.ts';
import type { ImageVars } from './vars.ts';

/** Zeros are written in pieces of this size where an image cannot say "zero" in its tables. */
const ZERO_PIECE_BYTES = 65536;

export interface ZeroesParts {
  readonly file: BlockFile;
  readonly dataFile: BlockFile | null;
  readonly backing: GuestDisk | null;
  readonly geometry: Geometry;
  readonly header: Pick<Header, 'version'>;
  readonly vars: ImageVars;
  readonly features: FeatureBits;
  readonly entries: L2Entries;
  readonly mapping: Mapping;
  readonly updates: MappingUpdates;
  readonly io: GuestIo;
}

export class Zeroes {
  readonly #parts: ZeroesParts;

  constructor(parts: ZeroesParts) {
    this.#parts = parts;
  }

  /**
   * Discards the whole clusters inside the range; they read as zeros afterwards. Parts of clusters at its ends stay as they are.
   * A version 2 image with a backing file keeps everything, because discarding would bring the backing file's content back.
   * Returns the guest range, in bytes, that was discarded.
   */
  discard(offset: number, lengthBytes: number): ByteRange {
    const { geometry, vars, backing, header, updates } = this.#parts;
    const { clusterBytes } = geometry;
    const from = roundUp(offset, clusterBytes);
    const end =
      offset + lengthBytes === vars.sizeBytes ? vars.sizeBytes : roundDown(offset + lengthBytes, clusterBytes);
    const exposesBacking = backing !== null && header.version === 2;
    if (end <= from || exposesBacking || this.#hasRawData) return { offset: from, lengthBytes: 0 };
    updates.change(from, end, backing !== null, (slice, index) => this.#discarded(slice, index));
    return { offset: from, lengthBytes: end - from };
  }

  /** Frees every cluster that starts in [from, end), whatever shows through then: what has no table says nothing already. */
  unmap(from: number, end: number): void {
    const { entries, updates } = this.#parts;
    updates.change(from, end, false, (slice, index) => (entries.saysNothing(slice, index) ? null : 'unallocate'));
  }

  /**
   * Makes the range read as zeros. Whole clusters are marked so where the image can say it: with `mayUnmap` they give up their
   * place in the file, without it they keep it. The rest is written.
   */
  write(offset: number, lengthBytes: number, mayUnmap: boolean): void {
    const { geometry, vars, backing, updates } = this.#parts;
    const { clusterBytes } = geometry;
    const end = offset + lengthBytes;
    if (!this.#canMark) return this.#writeData(offset, end);
    const from = roundUp(offset, clusterBytes);
    // The last cluster of a disk may reach past its end: zeroing it whole is the same to the guest, if all of it is asked for.
    const to = Math.max(from, end === vars.sizeBytes ? roundUp(end, clusterBytes) : roundDown(end, clusterBytes));
    this.#zeroPart(offset, Math.min(from, end));
    if (to > from) {
      updates.change(from, to, backing !== null, (slice, index) => this.#zeroed(slice, index, mayUnmap));
    }
    this.#zeroPart(to, end);
  }

  /** @throws Qcow2Error UNSUPPORTED where tables cannot say "zeros", and all of them would have to be written. */
  requireMarks(): void {
    if (this.#canMark) return;
    const { file, header } = this.#parts;
    const message = `${file.name}: a version ${header.version} image, or a raw data file, has no mark for zeros`;
    throw new Qcow2Error('UNSUPPORTED', message, { file: file.name });
  }

  /** Zeroes a part of one cluster: whole subclusters are marked, and what is left of the others where all of it reads as zeros then. */
  #zeroPart(from: number, end: number): void {
    if (from >= end) return;
    const { subclusterBytes } = this.#parts.geometry;
    const firstWhole = Math.min(end, roundUp(from, subclusterBytes));
    const lastWhole = Math.max(firstWhole, roundDown(end, subclusterBytes));
    this.#zeroInUnit(from, firstWhole);
    if (lastWhole > firstWhole) this.#markUnits(firstWhole, lastWhole);
    this.#zeroInUnit(lastWhole, end);
  }

  /** A part of one subcluster, or of a cluster without such. */
  #zeroInUnit(from: number, end: number): void {
    if (from >= end) return;
    const { geometry, mapping } = this.#parts;
    const start = roundDown(from, geometry.subclusterBytes);
    const { kind } = mapping.extentAt(from as GuestOffset, end - from);
    // What is stored is written in place, or copied: only what shows the backing file can become zeros as a whole.
    const isZero =
      kind === CLUSTER_UNALLOCATED &&
      this.#holdsZeros(start, from) &&
      this.#holdsZeros(end, start + geometry.subclusterBytes);
    if (isZero) this.#markUnits(start, start + geometry.subclusterBytes);
    else this.#writeData(from, end);
  }

  /** Whether the guest reads zeros there; past the end of the disk it does. */
  #holdsZeros(from: number, end: number): boolean {
    const { backing, io, vars } = this.#parts;
    if (backing === null) return true;
    const bytes = new Uint8Array(Math.max(0, Math.min(end, vars.sizeBytes) - from));
    if (bytes.length > 0) io.read(from, bytes);
    return bytes.every((byte) => byte === 0);
  }

  /** Marks whole subclusters of one cluster, or a whole cluster without such. */
  #markUnits(from: number, end: number): void {
    const { geometry, backing, mapping, updates } = this.#parts;
    const { clusterBytes, subclusterBytes } = geometry;
    const start = roundDown(from, clusterBytes);
    if (mapping.extentAt(from as GuestOffset, end - from).kind === CLUSTER_COMPRESSED)
      return this.#writeData(from, end);
    updates.change(start, start + clusterBytes, backing !== null, (slice, index) => {
      if (!geometry.extendedL2) return this.#zeroed(slice, index, false);
      if (this.#parts.entries.kind(slice, index) === CLUSTER_UNALLOCATED && backing === null) return null;
      return { from: (from - start) / subclusterBytes, to: (end - start) / subclusterBytes };
    });
  }

  /** Whether tables can say "zeros": a version 2 entry has no zero flag, and a raw external data file must hold real zeros. */
  get #canMark(): boolean {
    return this.#parts.header.version === 3 && !this.#hasRawData;
  }

  get #hasRawData(): boolean {
    const { dataFile, features } = this.#parts;
    return dataFile !== null && (features.autoclear & AUTOCLEAR.rawExternalData) !== 0n;
  }

  /** Writes zeros where the guest does not read zeros already. */
  #writeData(from: number, end: number): void {
    const { mapping, io } = this.#parts;
    let at = from;
    while (at < end) {
      const { kind, lengthBytes } = mapping.extentAt(at as GuestOffset, Math.min(ZERO_PIECE_BYTES, end - at));
      if (!this.#readsAsZeros(kind) || this.#hasRawData) io.write(at, new Uint8Array(lengthBytes));
      at += lengthBytes;
    }
  }

  #readsAsZeros(kind: ClusterKind): boolean {
    const { backing } = this.#parts;
    if (kind === CLUSTER_UNALLOCATED) return backing === null;
    return kind === CLUSTER_ZERO_PLAIN || kind === CLUSTER_ZERO_ALLOCATED;
  }

  /** What a discard makes of an entry. An unallocated cluster shows the backing file's content, where there is one. */
  #discarded(slice: CachedTable, index: number): EntryChange | null {
    const { entries, backing } = this.#parts;
    const kind = entries.kind(slice, index);
    if (kind === CLUSTER_ZERO_PLAIN || (kind === CLUSTER_UNALLOCATED && backing === null)) return null;
    return backing === null ? 'unallocate' : this.#withoutPlace(slice, index);
  }

  /** What write-zeroes makes of an entry. With extended entries a cluster may be zeros in part. */
  #zeroed(slice: CachedTable, index: number, mayUnmap: boolean): EntryChange | null {
    const { entries, geometry } = this.#parts;
    const kind = entries.kind(slice, index);
    const isDone = this.#readsAsZeros(kind) && !(kind === CLUSTER_ZERO_ALLOCATED && mayUnmap);
    if (isDone && !geometry.extendedL2) return null;
    return mayUnmap ? this.#withoutPlace(slice, index) : this.#inPlace(slice, index);
  }

  /** A cluster of an external data file keeps its place, which is no other cluster's. */
  #withoutPlace(slice: CachedTable, index: number): EntryChange {
    return this.#parts.dataFile === null ? 'zero' : this.#inPlace(slice, index);
  }

  /** Keeps the host cluster of an entry that is this disk's alone; what is shared or compressed goes. */
  #inPlace(slice: CachedTable, index: number): EntryChange {
    const { entries } = this.#parts;
    const kind = entries.kind(slice, index);
    const keeps = entries.isOwned(slice, index) && (kind === CLUSTER_NORMAL || kind === CLUSTER_ZERO_ALLOCATED);
    return keeps ? 'zero-in-place' : 'zero';
  }
}

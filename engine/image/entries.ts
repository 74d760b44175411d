/**
 * L2 entries of an open image, read with the checks that a hostile image makes necessary (qcow2.rst, "L2 table entry").
 */
import { corrupt, type Qcow2Error } from '../base/errors.ts';
import { exactText, type HostRange } from '../base/units.ts';
import type { CachedTable } from '../cache/cached-table.ts';
import {
  allocationBitmap,
  bitmapsContradict,
  CLUSTER_COMPRESSED,
  CLUSTER_NORMAL,
  CLUSTER_UNALLOCATED,
  CLUSTER_ZERO_ALLOCATED,
  CLUSTER_ZERO_PLAIN,
  type ClusterKind,
  clusterKind,
  compressedLengthBytes,
  compressedOffset,
  entryOffset,
  isCopied,
  zeroBitmap,
} from '../format/l2-entry.ts';
import type { Geometry } from './geometry.ts';

export interface L2EntriesParts {
  readonly fileName: string;
  readonly geometry: Geometry;
  readonly version: 2 | 3;
  readonly hasDataFile: boolean;
}

/** `index` counts the entries of a slice. */
export class L2Entries {
  readonly #parts: L2EntriesParts;
  readonly #geometry: Geometry;

  constructor(parts: L2EntriesParts) {
    this.#parts = parts;
    this.#geometry = parts.geometry;
  }

  /** Byte index of an entry in its slice. */
  at(index: number): number {
    return index * this.#geometry.l2EntryBytes;
  }

  /**
   * What an entry says about its cluster. With extended entries a cluster is CLUSTER_NORMAL as soon as it has a host cluster; what
   * its subclusters are is in the bitmaps. Throws CORRUPT for an entry that contradicts itself (`docs/findings.md`).
   */
  kind(slice: CachedTable, index: number): ClusterKind {
    const { version, hasDataFile } = this.#parts;
    const { extendedL2 } = this.#geometry;
    const kind = clusterKind(slice.view, this.at(index), hasDataFile);
    if (!extendedL2 && (kind === CLUSTER_NORMAL || kind === CLUSTER_UNALLOCATED)) return kind;
    const zero = kind === CLUSTER_ZERO_PLAIN || kind === CLUSTER_ZERO_ALLOCATED;
    if (zero && (version === 2 || extendedL2)) {
      const who = extendedL2 ? 'an extended L2 entry' : 'a version 2 image';
      throw this.#corrupt(`L2 entry ${index} has the zero flag, which ${who} cannot have`, slice, index);
    }
    if (kind === CLUSTER_ZERO_ALLOCATED) this.dataOffset(slice, index);
    if (kind === CLUSTER_COMPRESSED && hasDataFile)
      throw this.#corrupt(`L2 entry ${index} is compressed, in an image with an external data file`, slice, index);
    if (extendedL2 && kind !== CLUSTER_COMPRESSED) this.#refuseContradiction(slice, index, kind);
    return kind;
  }

  /** A subcluster is data, zeros or neither; and data only in a cluster that has a place. */
  #refuseContradiction(slice: CachedTable, index: number, kind: ClusterKind): void {
    const at = this.at(index);
    const isWrong =
      kind === CLUSTER_NORMAL ? bitmapsContradict(slice.view, at) : allocationBitmap(slice.view, at) !== 0;
    if (!isWrong) return;
    const why = kind === CLUSTER_NORMAL ? 'both allocated and zero' : 'allocated in a cluster that has no place';
    throw this.#corrupt(`L2 entry ${index} has a subcluster that is ${why}`, slice, index);
  }

  /** True when all of the cluster is left to what lies under the image: no subcluster of it is zeros either. */
  saysNothing(slice: CachedTable, index: number): boolean {
    if (this.kind(slice, index) !== CLUSTER_UNALLOCATED) return false;
    return !this.#geometry.extendedL2 || zeroBitmap(slice.view, this.at(index)) === 0;
  }

  /** True when the entry's cluster is referenced by this disk alone. */
  isOwned(slice: CachedTable, index: number): boolean {
    return isCopied(slice.view, this.at(index));
  }

  /** Host offset of the data cluster of an entry, on a cluster boundary and never in the header. */
  dataOffset(slice: CachedTable, index: number): number {
    const offset = entryOffset(slice.view, this.at(index));
    const valid = this.#geometry.isClusterAligned(offset) && (offset > 0 || this.#parts.hasDataFile);
    if (valid) return offset;
    throw this.#corrupt(
      `cluster allocation offset ${exactText(offset)} unaligned (L2 entry ${index})`,
      slice,
      index,
      offset,
    );
  }

  /** Host bytes of the compressed stream of an entry, up to the end of its last sector. */
  compressedRange(slice: CachedTable, index: number): HostRange {
    const { clusterBits } = this.#geometry;
    const at = this.at(index);
    const offset = compressedOffset(slice.view, at, clusterBits);
    const lengthBytes = compressedLengthBytes(slice.view, at, clusterBits);
    if (Number.isSafeInteger(offset + lengthBytes) && offset > 0) return { offset, lengthBytes };
    const shown = exactText(offset);
    throw this.#corrupt(`compressed cluster at impossible offset ${shown} (L2 entry ${index})`, slice, index, offset);
  }

  /** The host bytes in the image file that an entry holds a reference to, or null. */
  reference(slice: CachedTable, index: number): HostRange | null {
    const kind = this.kind(slice, index);
    if (kind === CLUSTER_COMPRESSED) return this.compressedRange(slice, index);
    if (kind !== CLUSTER_NORMAL && kind !== CLUSTER_ZERO_ALLOCATED) return null;
    // Clusters of an external data file are not counted: each belongs to its guest cluster permanently.
    if (this.#parts.hasDataFile) return null;
    return { offset: this.dataOffset(slice, index), lengthBytes: this.#geometry.clusterBytes };
  }

  /** Whether the cluster `count` entries on is of this `kind` and, for data, directly follows in the file; `first`: where it began. */
  continues(slice: CachedTable, index: number, count: number, kind: ClusterKind, first: number): boolean {
    if (this.kind(slice, index + count) !== kind) return false;
    if (first === 0 && kind !== CLUSTER_NORMAL) return true;
    return entryOffset(slice.view, this.at(index + count)) === first + count * this.#geometry.clusterBytes;
  }

  #corrupt(why: string, slice: CachedTable, index: number, found?: number): Qcow2Error {
    const facts = { table: 'l2' as const, offset: slice.offset + this.at(index) };
    return corrupt(this.#parts.fileName, why, found === undefined ? facts : { ...facts, found });
  }
}

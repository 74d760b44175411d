/**
 * The arithmetic of an image: how guest and host offsets split into table indices and clusters.
 * All sizes are powers of two, so the divisions are exact for every offset below 2^53.
 */
import type { GuestOffset, HostCluster, HostOffset } from '../base/units.ts';
import { EXTENDED_L2_ENTRY_BYTES, L2_ENTRY_BYTES, SUBCLUSTERS_PER_CLUSTER } from '../format/l2-entry.ts';
import { refcountsPerBlock } from '../format/refcount-block.ts';

export interface GeometryOptions {
  readonly clusterBits: number;
  readonly refcountOrder: number;
  readonly extendedL2: boolean;
  /** How much of an L2 table is cached and written as one: a power of two from 512 up to the cluster size. */
  readonly l2SliceBytes?: number;
}

export class Geometry {
  readonly clusterBits: number;
  readonly clusterBytes: number;
  readonly refcountOrder: number;
  /** How many clusters one refcount block counts. */
  readonly clustersPerRefcountBlock: number;
  readonly extendedL2: boolean;
  readonly l2EntryBytes: number;
  /** The unit that can be allocated and zeroed on its own: a 32nd of a cluster with extended L2 entries, else a cluster. */
  readonly subclusterBytes: number;
  /** Guest bytes that one L2 table maps. */
  readonly bytesPerL2Table: number;
  readonly l2SliceBytes: number;
  readonly entriesPerSlice: number;
  readonly bytesPerSlice: number;

  constructor(options: GeometryOptions) {
    this.clusterBits = options.clusterBits;
    this.clusterBytes = 2 ** options.clusterBits;
    this.refcountOrder = options.refcountOrder;
    this.clustersPerRefcountBlock = refcountsPerBlock(options.clusterBits, options.refcountOrder);
    this.extendedL2 = options.extendedL2;
    this.subclusterBytes = options.extendedL2 ? this.clusterBytes / SUBCLUSTERS_PER_CLUSTER : this.clusterBytes;
    this.l2EntryBytes = options.extendedL2 ? EXTENDED_L2_ENTRY_BYTES : L2_ENTRY_BYTES;
    this.bytesPerL2Table = (this.clusterBytes / this.l2EntryBytes) * this.clusterBytes;
    this.l2SliceBytes = Math.min(options.l2SliceBytes ?? this.clusterBytes, this.clusterBytes);
    this.entriesPerSlice = this.l2SliceBytes / this.l2EntryBytes;
    this.bytesPerSlice = this.entriesPerSlice * this.clusterBytes;
  }

  l1Index(guestOffset: GuestOffset): number {
    return Math.floor(guestOffset / this.bytesPerL2Table);
  }

  /** How many L1 entries map `lengthBytes` of guest disk. */
  l1EntriesFor(lengthBytes: number): number {
    return Math.ceil(lengthBytes / this.bytesPerL2Table);
  }

  /** Byte offset, in its L2 table, of the slice that maps `guestOffset`. */
  sliceStart(guestOffset: GuestOffset): number {
    const inTable = guestOffset % this.bytesPerL2Table;
    return Math.floor(inTable / this.bytesPerSlice) * this.l2SliceBytes;
  }

  /** Index, in its slice, of the entry that maps `guestOffset`. */
  indexInSlice(guestOffset: GuestOffset): number {
    return Math.floor((guestOffset % this.bytesPerSlice) / this.clusterBytes);
  }

  offsetInCluster(offset: number): number {
    return offset % this.clusterBytes;
  }

  hostCluster(hostOffset: number): HostCluster {
    return Math.floor(hostOffset / this.clusterBytes) as HostCluster;
  }

  hostOffset(cluster: number): HostOffset {
    return (cluster * this.clusterBytes) as HostOffset;
  }

  clustersFor(lengthBytes: number): number {
    return Math.ceil(lengthBytes / this.clusterBytes);
  }

  isClusterAligned(offset: number): boolean {
    return offset % this.clusterBytes === 0;
  }
}

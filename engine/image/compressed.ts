/**
 * Compressed clusters: reading them, and writing whole clusters compressed, packed one after the other into shared host
 * clusters (qcow2.rst, "Compressed Clusters"). A compressed cluster is never changed in place.
 */
import { corrupt } from '../base/errors.ts';
import { exactText, type GuestOffset, type HostRange, roundUp, SECTOR_BYTES } from '../base/units.ts';
import type { Allocation, Allocator } from '../cache/allocator.ts';
import { compressCluster, decompressCluster } from '../format/compression.ts';
import type { Header } from '../format/header.ts';
import { maxRefcount } from '../format/refcount-block.ts';
import type { BlockFile } from '../io/block-file.ts';
import { readBytes, writeBytes } from '../io/sector-access.ts';
import type { Geometry } from './geometry.ts';
import { giveBack } from './give-back.ts';
import type { MappingUpdates } from './mapping-updates.ts';
import type { Refcounts } from './refcounts.ts';
import type { ImageVars } from './vars.ts';

export interface CompressedClustersParts {
  readonly file: BlockFile;
  readonly geometry: Geometry;
  readonly header: Pick<Header, 'compressionType'>;
  readonly vars: ImageVars;
  readonly counts: Refcounts;
  readonly allocator: Allocator;
  readonly updates: MappingUpdates;
}

export class CompressedClusters {
  readonly #parts: CompressedClustersParts;

  constructor(parts: CompressedClustersParts) {
    this.#parts = parts;
  }

  /** Fills `into` with the guest bytes from `inCluster` on of the cluster compressed at `range`. Throws CORRUPT for a bad stream. */
  read(range: HostRange, inCluster: number, into: Uint8Array): void {
    const { file, geometry, header } = this.#parts;
    if (range.offset >= file.sizeBytes()) {
      const why = `compressed cluster at offset ${exactText(range.offset)} is outside the file`;
      throw corrupt(file.name, why, { table: 'data', offset: range.offset });
    }
    const stored = new Uint8Array(range.lengthBytes);
    readBytes(file, range.offset, stored, 'data');
    const what = `${file.name}: compressed cluster at offset ${range.offset}`;
    const cluster = decompressCluster(stored, geometry.clusterBytes, header.compressionType, what);
    into.set(cluster.subarray(inCluster, inCluster + into.length));
  }

  /**
   * Stores `cluster`, one whole cluster of guest bytes at `guestOffset`, compressed. False, with nothing done, when compressing
   * saves nothing and the cluster must be written plainly.
   */
  write(guestOffset: GuestOffset, cluster: Uint8Array): boolean {
    const { file, header, updates } = this.#parts;
    const packed = compressCluster(cluster, header.compressionType);
    if (packed === null) return false;
    const { offset, wait } = this.#allocateBytes(packed.length);
    const padded = new Uint8Array(roundUp(offset + packed.length, SECTOR_BYTES) - offset);
    padded.set(packed);
    try {
      writeBytes(file, offset, padded, 'data');
    } catch (error) {
      this.#giveBack(offset, packed.length);
      throw error;
    }
    const stream = { offset, lengthBytes: packed.length };
    updates.linkCompressed(guestOffset, stream, wait, () => this.#giveBack(offset, packed.length));
    return true;
  }

  /**
   * A place for a stream of `lengthBytes`, counted: after the last one where it fits into that host cluster, else at the start of
   * a new one. Streams start at any byte; each host cluster counts the streams that touch it.
   */
  #allocateBytes(lengthBytes: number): Allocation {
    const { geometry, vars, counts, allocator } = this.#parts;
    const inCluster = geometry.offsetInCluster(vars.freeByteOffset);
    const fits = vars.freeByteOffset !== 0 && inCluster + lengthBytes <= geometry.clusterBytes;
    const shares = fits && counts.of(geometry.hostCluster(vars.freeByteOffset)) < maxRefcount(geometry.refcountOrder);
    const { freeByteOffset } = vars;
    const place = shares
      ? {
          offset: freeByteOffset,
          wait: counts.raise(freeByteOffset, lengthBytes),
          readsAsZeros: false,
          isUnnamed: false,
        }
      : allocator.allocate(1);
    const end = place.offset + lengthBytes;
    vars.freeByteOffset = geometry.isClusterAligned(end) ? 0 : end;
    return place;
  }

  /** After a failure: nothing names the stream. */
  #giveBack(offset: number, lengthBytes: number): void {
    const { counts, geometry, vars } = this.#parts;
    if (giveBack(this.#parts, { offset, lengthBytes }))
      vars.freeByteOffset = counts.of(geometry.hostCluster(offset)) === 0 ? 0 : offset;
  }
}

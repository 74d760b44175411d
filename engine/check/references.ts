/**
 * How many references each cluster of the image file really has, and what kind of structure uses it.
 *
 * Memory is 5 bytes a cluster of the real file, whatever sizes the image claims.
 */

/** Kinds that only one reference may have come first; then those that snapshots share. */
export const OWNER_HEADER = 1;
export const OWNER_REFCOUNT_TABLE = 2;
export const OWNER_REFCOUNT_BLOCK = 3;
export const OWNER_L1 = 4;
export const OWNER_SNAPSHOT_TABLE = 5;
export const OWNER_BITMAP = 6;
export const OWNER_ENCRYPTION = 7;
const LAST_UNSHARED = OWNER_ENCRYPTION;
export const OWNER_L2 = 8;
export const OWNER_DATA = 9;
export const OWNER_COMPRESSED = 10;
/** Structures of different kinds claim the cluster. */
export const OWNER_MIXED = 11;

const OWNER_NAMES = [
  'nothing',
  'header',
  'refcount table',
  'refcount block',
  'L1 table',
  'snapshot table',
  'bitmap',
  'encryption header',
  'L2 table',
  'data',
  'compressed data',
  'structures of different kinds',
];

const COUNT_MAX = 0xffff_ffff;

export class References {
  readonly counts: Uint32Array;
  readonly owners: Uint8Array;
  readonly clusterCount: number;
  readonly #clusterBytes: number;
  readonly #fileBytes: number;

  constructor(fileBytes: number, clusterBytes: number) {
    this.#fileBytes = fileBytes;
    this.#clusterBytes = clusterBytes;
    this.clusterCount = Math.ceil(fileBytes / clusterBytes);
    // An unaligned pointer near the end touches one cluster more.
    this.counts = new Uint32Array(this.clusterCount + 1);
    this.owners = new Uint8Array(this.clusterCount + 1);
  }

  /** True when the range ends at least a whole cluster past the end of the file. */
  isOutside(offset: number, lengthBytes: number): boolean {
    return offset + lengthBytes - this.#fileBytes >= this.#clusterBytes;
  }

  /** Counts `times` references to each cluster that the range touches; the range is inside the file. */
  add(offset: number, lengthBytes: number, owner: number, times: number): void {
    if (lengthBytes <= 0) return;
    const first = Math.floor(offset / this.#clusterBytes);
    const last = Math.floor((offset + lengthBytes - 1) / this.#clusterBytes);
    for (let cluster = first; cluster <= last; cluster++) this.addCluster(cluster, owner, times);
  }

  addCluster(cluster: number, owner: number, times: number): void {
    this.counts[cluster] = Math.min(this.counts[cluster]! + times, COUNT_MAX);
    const before = this.owners[cluster]!;
    this.owners[cluster] = before === 0 || before === owner ? owner : combined(before, owner);
  }

  /** True when the cluster's references contradict each other, whatever its refcount says. */
  hasTwoOwners(cluster: number): boolean {
    const owner = this.owners[cluster]!;
    return owner === OWNER_MIXED || (owner <= LAST_UNSHARED && this.counts[cluster]! > 1);
  }

  /** Who uses the cluster, in words. */
  ownerName(cluster: number): string {
    return OWNER_NAMES[this.owners[cluster]!]!;
  }
}

/** Compressed streams may share a cluster with data: both then have a refcount above 1 and are copied before a write. */
function combined(first: number, second: number): number {
  return first >= OWNER_DATA && second >= OWNER_DATA && first !== OWNER_MIXED ? OWNER_COMPRESSED : OWNER_MIXED;
}

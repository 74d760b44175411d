/**
 * The last line of defence against a damaged image: is the place really of the kind that the writer thinks? A data cluster that
 * lies on an L2 table, or a new table on the header, is refused, and the image marked corrupt.
 */
import { corrupt } from '../base/errors.ts';
import { MiB, roundUp } from '../base/units.ts';
import { L1_ENTRY_BYTES, l1EntryOffset } from '../format/l1-entry.ts';
import { encodeSnapshotTable } from '../format/snapshot-table.ts';
import type { BlockFile, TableKind } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';
import { readBytes } from '../io/sector-access.ts';
import type { Geometry } from './geometry.ts';
import type { Seal } from './sealed-file.ts';
import type { ImageVars } from './vars.ts';

/**
 * What is protected: nothing; what is at one place while the image is open (header, refcount table, snapshot table, active L1
 * table); also what memory knows (L2 tables and refcount blocks in use, snapshots' L1 tables); also the snapshots' L2 tables,
 * which must be read for it.
 */
export const OVERLAP_CHECKS = ['none', 'constant', 'cached', 'all'] as const;
/** A kind of metadata that a write is checked against: one of {@link OVERLAP_CHECKS}. */
export type OverlapCheck = (typeof OVERLAP_CHECKS)[number];

/** At least as large as any cluster. */
const L1_PIECE_BYTES = 2 * MiB;

/** Writes of these kinds move metadata to new places: what is protected must be found again. */
const MOVES_METADATA: ReadonlySet<TableKind> = new Set(['header', 'refcount-table', 'l1', 'snapshot-table']);

const NAMES: Record<TableKind, string> = {
  header: 'the header',
  'refcount-table': 'the refcount table',
  'refcount-block': 'a refcount block',
  l1: 'an L1 table',
  l2: 'an L2 table',
  data: 'guest data',
  cow: 'guest data',
  'snapshot-table': 'the snapshot table',
};

/** The metadata of an open image, as it is in memory now. */
export interface ProtectedMetadata {
  readonly file: BlockFile;
  readonly geometry: Geometry;
  readonly vars: ImageVars;
  readonly features: { setCorrupt(): void };
}

export class OverlapGuard extends ForwardingFile {
  readonly #check: OverlapCheck;
  #metadata: ProtectedMetadata | null = null;
  #checks = false;
  /** Host cluster → what lies there; null when it must be found again. */
  #owners: Map<number, TableKind> | null = null;
  #l1: ImageVars['l1'] | null = null;
  #snapshots: ImageVars['snapshots'] | null = null;
  readonly #seal: Seal;

  /** `seal` is closed when something was about to be overwritten. */
  constructor(inner: BlockFile, check: OverlapCheck, seal: Seal) {
    super(inner);
    this.#check = check;
    this.#seal = seal;
  }

  /** Begins to protect the metadata of `metadata`. */
  protect(metadata: ProtectedMetadata): void {
    this.#metadata = metadata;
    this.#checks = this.#check !== 'none';
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    if (this.#checks && this.#metadata !== null) this.#refuseOverlap(this.#metadata, offset, from.length, kind);
    this.inner.write(offset, from, kind);
    if (MOVES_METADATA.has(kind)) this.#owners = null;
  }

  /** Throws CORRUPT when one of the clusters, which the refcounts say are free, holds metadata all the same. */
  refuseAllocation(offset: number, lengthBytes: number): void {
    if (!this.#checks || this.#metadata === null) return;
    const { geometry } = this.#metadata;
    for (let cluster = geometry.hostCluster(offset); geometry.hostOffset(cluster) < offset + lengthBytes; cluster++) {
      const owner = this.#ownerOf(this.#metadata, cluster);
      if (owner !== undefined)
        this.#violate(this.#metadata, `cluster with refcount 0 holds ${NAMES[owner]}`, geometry.hostOffset(cluster));
    }
  }

  /** True when the cluster at host `offset` belongs to a table that the image uses now, whatever is checked. */
  holdsMetadata(offset: number): boolean {
    if (this.#metadata === null) return false;
    return this.#ownerOf(this.#metadata, this.#metadata.geometry.hostCluster(offset)) !== undefined;
  }

  #refuseOverlap(metadata: ProtectedMetadata, offset: number, lengthBytes: number, kind: TableKind): void {
    const { geometry } = metadata;
    const last = geometry.hostCluster(offset + lengthBytes - 1);
    for (let cluster: number = geometry.hostCluster(offset); cluster <= last; cluster++) {
      const owner = this.#ownerOf(metadata, cluster);
      if (owner === undefined || owner === kind) continue;
      this.#violate(
        metadata,
        `preventing invalid write of ${NAMES[kind]} on metadata (overlaps with ${NAMES[owner]})`,
        geometry.hostOffset(cluster),
      );
    }
  }

  /** Marks the image corrupt, ends all writing, and throws. */
  #violate(metadata: ProtectedMetadata, why: string, offset: number): never {
    const refusal = corrupt(this.name, `${why} at offset ${offset}; the image is corrupt, repair it first`, { offset });
    this.#checks = false;
    try {
      metadata.features.setCorrupt();
    } finally {
      this.#seal.close(refusal);
    }
    throw refusal;
  }

  #ownerOf(metadata: ProtectedMetadata, cluster: number): TableKind | undefined {
    // Tables that memory has already replaced are no longer in use, whatever was written of it so far.
    const moved = this.#l1 !== metadata.vars.l1 || this.#snapshots !== metadata.vars.snapshots;
    if (this.#owners === null || moved) {
      this.#owners = findOwners(metadata, this.#check === 'none' ? 'cached' : this.#check);
      this.#l1 = metadata.vars.l1;
      this.#snapshots = metadata.vars.snapshots;
    }
    return this.#owners.get(cluster);
  }
}

function findOwners(metadata: ProtectedMetadata, check: OverlapCheck): Map<number, TableKind> {
  const { geometry } = metadata;
  const { refcountTable } = metadata.vars;
  const owners = new Map<number, TableKind>();
  const add = (kind: TableKind, offset: number, lengthBytes: number) => {
    const end = geometry.clustersFor(offset + lengthBytes);
    for (let cluster: number = geometry.hostCluster(offset); cluster < end; cluster++) owners.set(cluster, kind);
  };
  const addL2Tables = (view: DataView, entryCount: number) => {
    for (let index = 0; index < entryCount; index++) {
      const offset = l1EntryOffset(view, index * L1_ENTRY_BYTES);
      if (offset !== 0) add('l2', offset, geometry.clusterBytes);
    }
  };
  if (check === 'cached' || check === 'all') {
    for (const offset of refcountTable.blockOffsets)
      if (offset !== 0) add('refcount-block', offset, geometry.clusterBytes);
    addL2Tables(metadata.vars.l1.view, metadata.vars.l1.entryCount);
    for (const { offset, lengthBytes } of snapshotL1Pieces(metadata)) {
      add('l1', offset, lengthBytes);
      if (check === 'cached') continue;
      const bytes = new Uint8Array(lengthBytes);
      readBytes(metadata.file, offset, bytes, 'l1');
      addL2Tables(new DataView(bytes.buffer), lengthBytes / L1_ENTRY_BYTES);
    }
  }
  // What is at one place wins over what tables claim: a table entry that points at the header is the one that is wrong.
  if (metadata.vars.snapshots.length > 0)
    add('snapshot-table', metadata.vars.snapshotsOffset, encodeSnapshotTable(metadata.vars.snapshots).length);
  add('l1', metadata.vars.l1.offset, metadata.vars.l1.reservedBytes);
  add('refcount-table', refcountTable.offset, refcountTable.blockOffsets.length * 8);
  add('header', 0, geometry.clusterBytes);
  return owners;
}

/**
 * What the L1 tables of the snapshots cover of the file, each byte once and in pieces of a bounded size: thousands of snapshots may
 * claim the same large table.
 */
function* snapshotL1Pieces(metadata: ProtectedMetadata): Generator<{ offset: number; lengthBytes: number }> {
  const tables = metadata.vars.snapshots.map(({ l1TableOffset, l1Entries }) => ({
    offset: l1TableOffset,
    end: Math.min(l1TableOffset + l1Entries * L1_ENTRY_BYTES, roundUp(metadata.file.sizeBytes(), L1_ENTRY_BYTES)),
  }));
  let covered = 0;
  for (const { offset, end } of tables.sort((a, b) => a.offset - b.offset)) {
    for (let at = Math.max(offset, covered); at < end; at += L1_PIECE_BYTES)
      yield { offset: at, lengthBytes: Math.min(L1_PIECE_BYTES, end - at) };
    covered = Math.max(covered, end);
  }
}

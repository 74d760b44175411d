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
export type OverlapCheck = (typeof OVERLAP_CHECKS)[number];

/** At least as large as any cluster. */
const L1_PIECE_BYTES = 2 * MiB;

/** Writes of these kinds move metadata to new places: what is protected must be found anew. */
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
  #state: ProtectedMetadata | null = null;
  #checks = false;
  /** Host cluster → what lies there; null when it must be found anew. */
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

  /** Begins to protect the metadata of `state`. */
  protect(state: ProtectedMetadata): void {
    this.#state = state;
    this.#checks = this.#check !== 'none';
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    if (this.#checks && this.#state !== null) this.#refuseOverlap(this.#state, offset, from.length, kind);
    this.inner.write(offset, from, kind);
    if (MOVES_METADATA.has(kind)) this.#owners = null;
  }

  /** Throws CORRUPT when one of the clusters, which the refcounts say are free, holds metadata all the same. */
  refuseAllocation(offset: number, lengthBytes: number): void {
    if (!this.#checks || this.#state === null) return;
    const { geometry } = this.#state;
    for (let cluster = geometry.hostCluster(offset); geometry.hostOffset(cluster) < offset + lengthBytes; cluster++) {
      const owner = this.#ownerOf(this.#state, cluster);
      if (owner !== undefined)
        this.#violate(this.#state, `cluster with refcount 0 holds ${NAMES[owner]}`, geometry.hostOffset(cluster));
    }
  }

  /** True when the cluster at host `offset` belongs to a table that the image uses now, whatever is checked. */
  holdsMetadata(offset: number): boolean {
    if (this.#state === null) return false;
    return this.#ownerOf(this.#state, this.#state.geometry.hostCluster(offset)) !== undefined;
  }

  #refuseOverlap(state: ProtectedMetadata, offset: number, lengthBytes: number, kind: TableKind): void {
    const { geometry } = state;
    const last = geometry.hostCluster(offset + lengthBytes - 1);
    for (let cluster: number = geometry.hostCluster(offset); cluster <= last; cluster++) {
      const owner = this.#ownerOf(state, cluster);
      if (owner === undefined || owner === kind) continue;
      this.#violate(
        state,
        `preventing invalid write of ${NAMES[kind]} on metadata (overlaps with ${NAMES[owner]})`,
        geometry.hostOffset(cluster),
      );
    }
  }

  /** Marks the image corrupt, ends all writing, and throws. */
  #violate(state: ProtectedMetadata, why: string, offset: number): never {
    const refusal = corrupt(this.name, `${why} at offset ${offset}; the image is corrupt, repair it first`, { offset });
    this.#checks = false;
    try {
      state.features.setCorrupt();
    } finally {
      this.#seal.close(refusal);
    }
    throw refusal;
  }

  #ownerOf(state: ProtectedMetadata, cluster: number): TableKind | undefined {
    // Tables that memory has already replaced are no longer in use, whatever was written of it so far.
    const moved = this.#l1 !== state.vars.l1 || this.#snapshots !== state.vars.snapshots;
    if (this.#owners === null || moved) {
      this.#owners = findOwners(state, this.#check === 'none' ? 'cached' : this.#check);
      this.#l1 = state.vars.l1;
      this.#snapshots = state.vars.snapshots;
    }
    return this.#owners.get(cluster);
  }
}

function findOwners(state: ProtectedMetadata, check: OverlapCheck): Map<number, TableKind> {
  const { geometry } = state;
  const { refcountTable } = state.vars;
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
    addL2Tables(state.vars.l1.view, state.vars.l1.entryCount);
    for (const { offset, lengthBytes } of snapshotL1Pieces(state)) {
      add('l1', offset, lengthBytes);
      if (check === 'cached') continue;
      const bytes = new Uint8Array(lengthBytes);
      readBytes(state.file, offset, bytes, 'l1');
      addL2Tables(new DataView(bytes.buffer), lengthBytes / L1_ENTRY_BYTES);
    }
  }
  // What is at one place wins over what tables claim: a table entry that points at the header is the one that is wrong.
  if (state.vars.snapshots.length > 0)
    add('snapshot-table', state.vars.snapshotsOffset, encodeSnapshotTable(state.vars.snapshots).length);
  add('l1', state.vars.l1.offset, state.vars.l1.reservedBytes);
  add('refcount-table', refcountTable.offset, refcountTable.blockOffsets.length * 8);
  add('header', 0, geometry.clusterBytes);
  return owners;
}

/**
 * What the L1 tables of the snapshots cover of the file, each byte once and in pieces of a bounded size: thousands of snapshots may
 * claim the same large table.
 */
function* snapshotL1Pieces(state: ProtectedMetadata): Generator<{ offset: number; lengthBytes: number }> {
  const tables = state.vars.snapshots.map(({ l1TableOffset, l1Entries }) => ({
    offset: l1TableOffset,
    end: Math.min(l1TableOffset + l1Entries * L1_ENTRY_BYTES, roundUp(state.file.sizeBytes(), L1_ENTRY_BYTES)),
  }));
  let covered = 0;
  for (const { offset, end } of tables.sort((a, b) => a.offset - b.offset)) {
    for (let at = Math.max(offset, covered); at < end; at += L1_PIECE_BYTES)
      yield { offset: at, lengthBytes: Math.min(L1_PIECE_BYTES, end - at) };
    covered = Math.max(covered, end);
  }
}

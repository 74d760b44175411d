/**
 * What every write of an open image passes through, with three duties.
 *
 * The last line of defence against a damaged image: is the place really of the kind that the writer thinks? A data cluster that
 * lies on an L2 table, or a new table on the header, is refused, and the image marked corrupt.
 *
 * And the end of stale tables: a table that was freed while it was dirty stays in its cache. Once its cluster holds something
 * else it must not be written out any more. (The programs of stages S1 to S4b did write it, over the new content.)
 *
 * And the end of an image of which an operation was left half-done: nothing more is written to it.
 */
import { Qcow2Error } from '../base/errors.ts';
import { MiB, roundDown, roundUp } from '../base/units.ts';
import { L1_ENTRY_BYTES, l1EntryOffset } from '../format/l1-entry.ts';
import { encodeSnapshotTable } from '../format/snapshot-table.ts';
import type { BlockFile, SyncCause, TableKind } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';
import { readBytes } from '../io/sector-access.ts';
import type { HostRange } from './entries.ts';
import type { ImageState } from './state.ts';
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

export class OverlapGuard extends ForwardingFile {
  readonly #check: OverlapCheck;
  #state: ImageState | null = null;
  #checks = false;
  /** Host cluster → what lies there; null when it must be found anew. */
  #owners: Map<number, TableKind> | null = null;
  #l1: ImageVars['l1'] | null = null;
  #snapshots: ImageVars['snapshots'] | null = null;
  #violated: string | null = null;
  /** Why nothing is written or synced any more. */
  #halfDone: Qcow2Error | null = null;
  readonly #attempted = new Set<TableKind>();

  constructor(inner: BlockFile, check: OverlapCheck) {
    super(inner);
    this.#check = check;
  }

  /** Begins to protect the metadata of `state`. */
  protect(state: ImageState): void {
    this.#state = state;
    this.#checks = this.#check !== 'none';
  }

  /** What was written, or was to be, since {@link forgetAttempts}. */
  get attempted(): ReadonlySet<TableKind> {
    return this.#attempted;
  }

  forgetAttempts(): void {
    this.#attempted.clear();
  }

  /** The operation `what` is half in the file, because of `cause`, and cannot be taken back. */
  refuseFromNowOn(what: string, cause: Qcow2Error): void {
    const message = `${this.name}: ${what} failed half-way and could not be undone (${cause.message}); close the image, check and repair it`;
    this.#halfDone ??= new Qcow2Error(cause.code, message, { file: this.name }, cause);
  }

  override sync(cause: SyncCause): void {
    if (this.#halfDone !== null) throw this.#halfDone;
    this.inner.sync(cause);
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    if (this.#halfDone !== null) throw this.#halfDone;
    this.#attempted.add(kind);
    if (this.#violated !== null) throw this.#refusal(this.#violated, offset);
    if (this.#checks && this.#state !== null) this.#refuseOverlap(this.#state, offset, from.length, kind);
    this.inner.write(offset, from, kind);
    if (this.#state !== null) supersedeTables(this.#state, offset, from.length, kind);
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

  #refuseOverlap(state: ImageState, offset: number, lengthBytes: number, kind: TableKind): void {
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

  /** Marks the image corrupt, refuses all further writes, and throws. */
  #violate(state: ImageState, why: string, offset: number): never {
    this.#checks = false;
    try {
      state.features.setCorrupt();
    } finally {
      this.#violated = why;
    }
    throw this.#refusal(why, offset);
  }

  #refusal(why: string, offset: number): Qcow2Error {
    return new Qcow2Error(
      'CORRUPT',
      `${this.name}: ${why} at offset ${offset}; the image is corrupt, repair it first`,
      {
        file: this.name,
        offset,
      },
    );
  }

  #ownerOf(state: ImageState, cluster: number): TableKind | undefined {
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

function findOwners(state: ImageState, check: OverlapCheck): Map<number, TableKind> {
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
function* snapshotL1Pieces(state: ImageState): Generator<HostRange> {
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

/** A cluster that holds something else now holds no table, nor the slices of one that the write itself has not reached. */
function supersedeTables(
  { geometry, l2, refcounts }: ImageState,
  offset: number,
  lengthBytes: number,
  kind: TableKind,
) {
  const from = roundDown(offset, geometry.clusterBytes);
  const clustersBytes = roundUp(offset + lengthBytes, geometry.clusterBytes) - from;
  if (kind !== 'l2') l2.supersede(from, clustersBytes);
  if (kind !== 'refcount-block') refcounts.supersede(from, clustersBytes);
}

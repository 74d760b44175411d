/**
 * Counts every file operation, exactly: in all, by what was touched, by why a sync was made, and by the guest request
 * or guest requests being served ({@link CountingFile.serving}). One count is one call of the layer below, which is one system
 * call, however many requests it serves.
 */
import { type BlockFile, SYNC_CAUSES, type SyncCause, TABLE_KINDS, type TableKind } from '../io/block-file.ts';
import { SyncKinds } from './sync-kinds.ts';
import { type Operation, type Outcome, Tap, unhandled } from './tap.ts';

/** Counts of operations, and their bytes. */
export interface FileCounts {
  /** Syncs that reached the operating system. */
  fsyncs: number;
  /** Writes through a descriptor opened O_DSYNC; each is in `writes` too. */
  odsyncWrites: number;
  writes: number;
  writeBytes: number;
  reads: number;
  readBytes: number;
}

export interface KindCounts {
  writes: number;
  writeBytes: number;
  reads: number;
  readBytes: number;
}

/** All counts of a file: in total, by table, by cause of a sync, and by guest request. */
export interface AllCounts extends FileCounts {
  truncates: number;
  punches: number;
  /** Calls that took space for later writes, and how much. */
  preallocations: number;
  preallocatedBytes: number;
  byKind: Record<TableKind, KindCounts>;
  syncsByCause: Record<SyncCause, number>;
  /** Of the syncs, those before which something had changed since the sync before. */
  workingSyncs: number;
  workingSyncsByCause: Record<SyncCause, number>;
  /** Kind of request → its share of the six totals; see {@link kindOf}. */
  byRequest: Record<string, FileCounts>;
  /** Kind of request → cause → syncs. */
  syncsByRequest: Record<string, Partial<Record<SyncCause, number>>>;
}

/** A request of the guest or of the image's owner, as far as counts tell requests apart. */
export interface ServedRequest {
  /** For example `write` or `flush`. */
  readonly op: string;
}

/** The name under which the operations of `requests` are counted: their kind, or all their kinds; `other` where there are none. */
export function kindOf(requests: readonly ServedRequest[]): string {
  const [first] = requests;
  if (first === undefined) return 'other';
  if (requests.length === 1) return first.op;
  return [...new Set(requests.map(({ op }) => op))].sort().join('+');
}

const noFileCounts = (): FileCounts => ({
  fsyncs: 0,
  odsyncWrites: 0,
  writes: 0,
  writeBytes: 0,
  reads: 0,
  readBytes: 0,
});

function perKey<K extends string, V>(keys: readonly K[], value: () => V): Record<K, V> {
  return Object.fromEntries(keys.map((key) => [key, value()])) as Record<K, V>;
}

/** Counts the operations that pass, put around a file before an image is opened on it. */
export class CountingFile extends Tap {
  readonly counts: AllCounts = {
    ...noFileCounts(),
    truncates: 0,
    punches: 0,
    preallocations: 0,
    preallocatedBytes: 0,
    byKind: perKey(TABLE_KINDS, () => ({ writes: 0, writeBytes: 0, reads: 0, readBytes: 0 })),
    syncsByCause: perKey(SYNC_CAUSES, () => 0),
    workingSyncs: 0,
    workingSyncsByCause: perKey(SYNC_CAUSES, () => 0),
    byRequest: {},
    syncsByRequest: {},
  };
  /** What each sync found. */
  readonly syncKinds: SyncKinds;
  #serving: readonly ServedRequest[] = [];
  #kind = '';
  #mine: FileCounts = noFileCounts();

  constructor(inner: BlockFile) {
    super(inner);
    this.syncKinds = new SyncKinds(inner.sizeBytes());
    this.serving = [];
  }

  /** The requests that are being served now: those that share what follows, or one alone; none: the file's owner is at work. */
  get serving(): readonly ServedRequest[] {
    return this.#serving;
  }

  set serving(requests: readonly ServedRequest[]) {
    this.#serving = requests;
    // Mostly one: without a call then.
    const kind = requests.length === 1 ? requests[0]!.op : kindOf(requests);
    if (kind === this.#kind) return;
    this.#kind = kind;
    this.#mine = this.counts.byRequest[kind] ??= noFileCounts();
  }

  /** As {@link Tap} would, without an object for each: there are many more of these than of the others. */
  override read(offset: number, into: Uint8Array, kind: TableKind): void {
    this.inner.read(offset, into, kind);
    this.#read(offset, into.length, kind);
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    this.inner.write(offset, from, kind);
    this.#write(offset, from.length, kind);
  }

  override sync(cause: SyncCause): void {
    this.inner.sync(cause);
    if (!this.ignoresSyncs) this.#sync(cause);
  }

  protected override before(): void {}

  protected override after(operation: Operation, outcome: Outcome): void {
    if (outcome !== 'done') return;
    const { counts, syncKinds } = this;
    switch (operation.op) {
      case 'read':
        return this.#read(operation.offset, operation.bytes.length, operation.kind);
      case 'write':
        return this.#write(operation.offset, operation.bytes.length, operation.kind);
      case 'sync':
        return this.#sync(operation.cause);
      case 'truncate':
        counts.truncates++;
        return syncKinds.resized(operation.sizeBytes);
      case 'punch':
        counts.punches++;
        return syncKinds.changed(0);
      case 'preallocate':
        counts.preallocations++;
        counts.preallocatedBytes += operation.lengthBytes;
        return syncKinds.changed(operation.offset + operation.lengthBytes);
      default:
        return unhandled(operation);
    }
  }

  /** Counts the bytes that the file had; what lies past its end is filled in, not read. */
  #read(offset: number, lengthBytes: number, kind: TableKind): void {
    const bytes = Math.max(0, Math.min(lengthBytes, this.inner.sizeBytes() - offset));
    const ofKind = this.counts.byKind[kind];
    this.counts.reads++;
    this.counts.readBytes += bytes;
    this.#mine.reads++;
    this.#mine.readBytes += bytes;
    ofKind.reads++;
    ofKind.readBytes += bytes;
  }

  #write(offset: number, lengthBytes: number, kind: TableKind): void {
    const ofKind = this.counts.byKind[kind];
    this.syncKinds.changed(offset + lengthBytes);
    this.counts.writes++;
    this.counts.writeBytes += lengthBytes;
    this.#mine.writes++;
    this.#mine.writeBytes += lengthBytes;
    ofKind.writes++;
    ofKind.writeBytes += lengthBytes;
    if (!this.writesAreDurable) return;
    this.counts.odsyncWrites++;
    this.#mine.odsyncWrites++;
  }

  #sync(cause: SyncCause): void {
    const hadWork = this.syncKinds.hasWork;
    this.syncKinds.synced();
    this.counts.fsyncs++;
    this.#mine.fsyncs++;
    this.counts.syncsByCause[cause]++;
    const row = (this.counts.syncsByRequest[this.#kind] ??= {});
    row[cause] = (row[cause] ?? 0) + 1;
    if (!hadWork) return;
    this.counts.workingSyncs++;
    this.counts.workingSyncsByCause[cause]++;
  }
}

/**
 * Counts every file operation, exactly: in all, by what was touched, by why a sync was made, and by the guest request
 * being served ({@link CountingFile.trigger}). One count is one call of the layer below, which is one system call.
 */
import { type BlockFile, SYNC_CAUSES, type SyncCause, TABLE_KINDS, type TableKind } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';

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

export interface AllCounts extends FileCounts {
  truncates: number;
  punches: number;
  byKind: Record<TableKind, KindCounts>;
  syncsByCause: Record<SyncCause, number>;
  /** Trigger → its share of the six totals. */
  byTrigger: Record<string, FileCounts>;
  /** Trigger → cause → syncs. */
  syncsByTrigger: Record<string, Partial<Record<SyncCause, number>>>;
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

export class CountingFile extends ForwardingFile {
  readonly counts: AllCounts = {
    ...noFileCounts(),
    truncates: 0,
    punches: 0,
    byKind: perKey(TABLE_KINDS, () => ({ writes: 0, writeBytes: 0, reads: 0, readBytes: 0 })),
    syncsByCause: perKey(SYNC_CAUSES, () => 0),
    byTrigger: {},
    syncsByTrigger: {},
  };
  #trigger = '';
  #mine: FileCounts = noFileCounts();

  constructor(inner: BlockFile) {
    super(inner);
    this.trigger = 'other';
  }

  /** What is being served now, for example `write` or `flush`; the replayer sets it before each request. */
  get trigger(): string {
    return this.#trigger;
  }

  set trigger(trigger: string) {
    if (trigger === this.#trigger) return;
    this.#trigger = trigger;
    this.#mine = this.counts.byTrigger[trigger] ??= noFileCounts();
  }

  /** Counts the bytes that the file had; what lies past its end is filled in, not read. */
  override read(offset: number, into: Uint8Array, kind: TableKind): void {
    this.inner.read(offset, into, kind);
    const bytes = Math.max(0, Math.min(into.length, this.inner.sizeBytes() - offset));
    this.counts.reads++;
    this.counts.readBytes += bytes;
    this.#mine.reads++;
    this.#mine.readBytes += bytes;
    this.counts.byKind[kind].reads++;
    this.counts.byKind[kind].readBytes += bytes;
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    this.inner.write(offset, from, kind);
    this.counts.writes++;
    this.counts.writeBytes += from.length;
    this.#mine.writes++;
    this.#mine.writeBytes += from.length;
    this.counts.byKind[kind].writes++;
    this.counts.byKind[kind].writeBytes += from.length;
    if (this.writesAreDurable) {
      this.counts.odsyncWrites++;
      this.#mine.odsyncWrites++;
    }
  }

  override sync(cause: SyncCause): void {
    this.inner.sync(cause);
    if (this.ignoresSyncs) return;
    this.counts.fsyncs++;
    this.#mine.fsyncs++;
    this.counts.syncsByCause[cause]++;
    const row = (this.counts.syncsByTrigger[this.#trigger] ??= {});
    row[cause] = (row[cause] ?? 0) + 1;
  }

  override truncate(sizeBytes: number): void {
    this.inner.truncate(sizeBytes);
    this.counts.truncates++;
  }

  override punchHole(offset: number, lengthBytes: number): boolean {
    const done = this.inner.punchHole(offset, lengthBytes);
    if (done) this.counts.punches++;
    return done;
  }
}

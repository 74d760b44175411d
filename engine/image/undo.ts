/**
 * Undo log: rolls a failed multi-step update back, in memory and on disk. Some operations of history lower refcounts, or publish a
 * pointer, before the other half is in the file.
 *
 * Invariants:
 *  1. An operation that succeeds makes no file operation because of this.
 *  2. What was kept is everything that the operation may change: tables before their first change, the variables of the image
 *     (`vars.ts`), what the allocator holds, the active L1 table, and what `keepL1` was given.
 *  3. Where the rollback fails too, the image refuses every later write and flush: what its file holds is not certain.
 */
import { Qcow2Error } from '../base/errors.ts';
import { MiB } from '../base/units.ts';
import type { Allocator, Savepoint } from '../cache/allocator.ts';
import type { CachedTable, CacheObserver } from '../cache/cached-table.ts';
import { Pointer } from '../cache/ordering.ts';
import type { CachePolicy } from '../cache/policy.ts';
import type { TableCache } from '../cache/table-cache.ts';
import { HEADER_FIELDS } from '../format/header-fields.ts';
import { writeUint64 } from '../format/uint64.ts';
import type { TableKind } from '../io/block-file.ts';
import type { DurableFile } from '../io/durability.ts';
import type { AttemptedWrites } from './attempted-writes.ts';
import { type L1Table, l1Fields, sizeField } from './l1-table.ts';
import { encodeRefcountTable, refcountTableFields } from './refcount-table.ts';
import type { Seal } from './sealed-file.ts';
import { copyVars, type ImageVars, restoreVars } from './vars.ts';

/** Tables are kept up to this size in sum; an operation that changes more has no rollback. */
const KEPT_BYTES_MAX = 256 * MiB;

/** What an operation can change. */
export interface UndoParts {
  readonly file: DurableFile;
  readonly seal: Seal;
  readonly attempts: AttemptedWrites;
  readonly vars: ImageVars;
  readonly policy: CachePolicy;
  readonly allocator: Allocator;
  readonly l2: TableCache;
  readonly refcounts: TableCache;
}

export interface Undoable {
  /** Names the operation in messages. */
  readonly what: string;
  /** What goes back into the file first: where refcounts were raised the references to what they count, else the refcounts. */
  readonly first: 'references' | 'refcounts';
}

/** Runs `action`; when it throws, everything is rolled back, and the error passed on. */
export function orUndo<Result>(parts: UndoParts, how: Undoable, action: (undo: UndoLog) => Result): Result {
  const undo = new UndoLog(parts, how);
  try {
    return action(undo);
  } catch (error) {
    undo.stop();
    if (error instanceof Qcow2Error) undo.takeBack(error);
    throw error;
  } finally {
    undo.stop();
  }
}

export class UndoLog implements CacheObserver {
  readonly #parts: UndoParts;
  readonly #how: Undoable;
  readonly #before: ImageVars;
  readonly #savepoint: Savepoint;
  readonly #l1Tables: { readonly table: L1Table; readonly bytes: Uint8Array }[] = [];
  /** By cache and host offset: the bytes before the first change; null for a table that was not there. */
  readonly #tables = new Map<TableCache, Map<number, Uint8Array | null>>();
  /** The kinds of what the operation wrote, or tried to. */
  readonly #attempted: ReadonlySet<TableKind>;
  #keptBytes = 0;
  #finish: (() => void) | null = null;

  constructor(parts: UndoParts, how: Undoable) {
    this.#parts = parts;
    this.#how = how;
    this.#before = copyVars(parts.vars);
    this.#savepoint = parts.allocator.savepoint();
    this.keepL1(parts.vars.l1);
    this.#attempted = parts.attempts.record();
    for (const cache of [parts.l2, parts.refcounts]) {
      this.#tables.set(cache, new Map());
      cache.observe(this);
    }
  }

  /** Keeps an L1 table that the operation may change where it lies. */
  keepL1(table: L1Table): void {
    this.#l1Tables.push({ table, bytes: table.bytes.slice() });
  }

  /** From here on the old content is overwritten: roll-forward only; after a failure `finish` is retried. */
  onlyForward(finish: () => void): void {
    this.#finish = finish;
  }

  dirtying(table: CachedTable): void {
    const { offset, bytes } = table;
    const kept = this.#keptOf(table);
    if (kept.has(offset) || this.#keptBytes > KEPT_BYTES_MAX) return;
    this.#keptBytes += bytes.length;
    if (this.#keptBytes <= KEPT_BYTES_MAX) kept.set(offset, bytes.slice());
  }

  filling(table: CachedTable): void {
    const kept = this.#keptOf(table);
    if (!kept.has(table.offset)) kept.set(table.offset, null);
  }

  #keptOf({ kind }: CachedTable): Map<number, Uint8Array | null> {
    return this.#tables.get(kind === 'l2' ? this.#parts.l2 : this.#parts.refcounts)!;
  }

  stop(): void {
    for (const cache of this.#tables.keys()) cache.unobserve(this);
    this.#parts.attempts.stop(this.#attempted);
  }

  takeBack(cause: Qcow2Error): void {
    const { seal, file } = this.#parts;
    if (this.#keptBytes > KEPT_BYTES_MAX) return seal.closeHalfDone(file.name, this.#how.what, cause);
    try {
      if (this.#finish !== null) return this.#finish();
      this.#restoreMemory();
      if (this.#mayHaveReachedFile()) this.#restoreFile();
    } catch (error) {
      if (!(error instanceof Qcow2Error)) throw error;
      this.#restoreMemory();
      seal.closeHalfDone(file.name, this.#how.what, cause);
    }
  }

  /** Not when all that was attempted is writing out tables as they were before: those are as dirty as they were. */
  #mayHaveReachedFile(): boolean {
    const changesTables = [...this.#tables.values()].some((kept) => kept.size > 0);
    return [...this.#attempted].some((kind) => changesTables || (kind !== 'l2' && kind !== 'refcount-block'));
  }

  /** Reads are right from here on, even when nothing can be written any more. */
  #restoreMemory(): void {
    restoreVars(this.#parts.vars, this.#before);
    this.#savepoint.restore();
    for (const { table, bytes } of this.#l1Tables) table.bytes.set(bytes);
    for (const [cache, kept] of this.#tables) {
      for (const [offset, bytes] of kept) {
        if (bytes === null) cache.forget(offset);
        else cache.replace(offset, bytes);
      }
    }
  }

  #restoreFile(): void {
    const { policy, l2, refcounts } = this.#parts;
    const parts = [() => this.#restoreTables(), () => this.#restorePointers()];
    for (const restore of this.#how.first === 'refcounts' ? parts : parts.reverse()) restore();
    policy.flush();
    // What was read meanwhile can be of the way there.
    l2.reset();
    refcounts.reset();
  }

  #restoreTables(): void {
    const { policy, l2, refcounts } = this.#parts;
    for (const [cache, kept] of this.#tables) {
      for (const [offset, bytes] of kept) if (bytes !== null) putBack(cache, offset, bytes);
    }
    // One by one: the policy knows what must go before each.
    for (const cache of [refcounts, l2]) for (const table of cache.dirtyTables()) policy.clean(table);
  }

  #restorePointers(): void {
    const { policy } = this.#parts;
    if (this.#attempted.has('header')) this.#restoreHeader();
    if (this.#attempted.has('refcount-table')) this.#restoreRefcountTable();
    if (!this.#attempted.has('l1')) return;
    for (const { table } of this.#l1Tables) policy.publishNow(new Pointer('l1', table.offset, table.entryBytes));
  }

  #restoreRefcountTable(): void {
    const { offset, blockOffsets } = this.#before.refcountTable;
    this.#parts.policy.publishNow(new Pointer('refcount-table', offset, encodeRefcountTable(blockOffsets)));
  }

  #restoreHeader(): void {
    const { policy } = this.#parts;
    const { l1, refcountTable, snapshots, snapshotsOffset, sizeBytes } = this.#before;
    const put = (offset: number, bytes: Uint8Array) => policy.publishNow(new Pointer('header', offset, bytes));
    put(HEADER_FIELDS.size, sizeField(sizeBytes));
    put(HEADER_FIELDS.l1Size, l1Fields(l1));
    put(HEADER_FIELDS.refcountTableOffset, refcountTableFields(refcountTable.offset, refcountTable.clusterCount));
    const field = new Uint8Array(8);
    const view = new DataView(field.buffer);
    writeUint64(view, 0, snapshotsOffset);
    put(HEADER_FIELDS.snapshotsOffset, field);
    view.setUint32(0, snapshots.length);
    put(HEADER_FIELDS.snapshotCount, field.subarray(0, 4));
  }
}

function putBack(cache: TableCache, offset: number, bytes: Uint8Array): void {
  const table = cache.getEmpty(offset);
  table.bytes.set(bytes);
  cache.markDirty(table, 0, bytes.length);
  cache.unpin(table);
}

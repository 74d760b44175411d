/**
 * What a database that logs ahead does to its disk, request by request: each transaction changes pages in memory, writes the log up
 * to its own end and flushes; a checkpoint writes the changed pages and flushes; the log's oldest part may then be used again.
 *
 * The disk: one control page, the log, the table that is there from the start, and fresh space that the table grows into.
 *
 *     | control page | log ... | table ... | growth ... |
 */
import { KiB, roundUp } from '../engine/base/units.ts';
import type { Prng } from './prng.ts';
import type { GuestRequest } from './request.ts';

/** Bytes of a page: of the table, of the log, and of the control page. */
export const PAGE_BYTES = 8 * KiB;
/** A file system writes neighbouring dirty pages back together, up to this many bytes. */
const WRITE_BACK_BYTES = 128 * KiB;
/** The log records of one transaction without page images, in bytes. */
const RECORD_BYTES = { least: 300, most: 1200 } as const;

export interface DatabasePlan {
  readonly transactions: number;
  readonly tableBytes: number;
  readonly logBytes: number;
  /** Transactions between two checkpoints; 0 for none. A full log forces one all the same. */
  readonly checkpointEvery: number;
  /** Pages of the table that a transaction changes, at random places. */
  readonly pagesPerTransaction: number;
  /** Bytes of new rows that a transaction appends. */
  readonly appendBytes: number;
}

const DATABASE_PHASES = ['growing-log', 'recycled-log'] as const;

export class DatabaseGuest {
  readonly #plan: DatabasePlan;
  readonly #prng: Prng;
  /** Log written so far, in bytes since the start; the place on the disk is this modulo the log's length. */
  #logEnd = 0;
  #logAtCheckpoint = 0;
  #appendedBytes = 0;
  /** Pages changed since the last checkpoint, numbered from the start of the table. */
  readonly #dirtyPages = new Set<number>();

  constructor(plan: DatabasePlan, prng: Prng) {
    this.#plan = plan;
    this.#prng = prng;
  }

  /** Size of the disk that `plan` needs, in bytes. */
  static diskSizeBytes(plan: DatabasePlan): number {
    const growthBytes = roundUp(plan.transactions * plan.appendBytes, PAGE_BYTES);
    return PAGE_BYTES + plan.logBytes + plan.tableBytes + growthBytes;
  }

  /** Where the table lies that is loaded before the measurement. */
  static tableOffset(plan: DatabasePlan): number {
    return PAGE_BYTES + plan.logBytes;
  }

  *requests(): Generator<GuestRequest> {
    const { transactions, checkpointEvery, logBytes } = this.#plan;
    yield { op: 'mark', text: DATABASE_PHASES[0] };
    let recycled = false;
    for (let done = 1; done <= transactions; done++) {
      yield* this.#transaction();
      const due = checkpointEvery > 0 && done % checkpointEvery === 0;
      if (due || this.#logIsNearlyFull() || done === transactions) yield* this.#checkpoint();
      if (recycled || this.#logEnd < logBytes || done === transactions) continue;
      recycled = true;
      yield { op: 'mark', text: DATABASE_PHASES[1] };
    }
  }

  /** Changes pages, then makes the log durable: the one flush that a commit waits for. */
  *#transaction(): Generator<GuestRequest> {
    const { tableBytes, pagesPerTransaction, appendBytes } = this.#plan;
    let recordBytes = this.#prng.between(RECORD_BYTES.least, RECORD_BYTES.most) + appendBytes;
    for (let page = 0; page < pagesPerTransaction; page++) {
      recordBytes += this.#change(this.#prng.below(tableBytes / PAGE_BYTES));
    }
    if (appendBytes > 0) {
      const page = tableBytes / PAGE_BYTES + Math.floor(this.#appendedBytes / PAGE_BYTES);
      this.#appendedBytes += appendBytes;
      // A new page needs no image in the log: recovery makes it from nothing.
      this.#dirtyPages.add(page);
    }
    yield* this.#writeLog(recordBytes);
    yield { op: 'flush' };
  }

  /** Returns how much the log grows by it: the first change after a checkpoint logs the whole page, against torn writes. */
  #change(page: number): number {
    if (this.#dirtyPages.has(page)) return 0;
    this.#dirtyPages.add(page);
    return PAGE_BYTES;
  }

  /** Whole pages, from the one that the last commit left partly filled on. */
  *#writeLog(recordBytes: number): Generator<GuestRequest> {
    const { logBytes } = this.#plan;
    const from = Math.floor(this.#logEnd / PAGE_BYTES) * PAGE_BYTES;
    this.#logEnd += recordBytes;
    const to = roundUp(this.#logEnd, PAGE_BYTES);
    for (let at = from; at < to; ) {
      const inLog = at % logBytes;
      const length = Math.min(to - at, logBytes - inLog);
      yield { op: 'write', offset: PAGE_BYTES + inLog, length };
      at += length;
    }
  }

  /** Half of the log at most may be needed for a recovery, so that the other half can be written over. */
  #logIsNearlyFull(): boolean {
    return this.#logEnd - this.#logAtCheckpoint > this.#plan.logBytes / 2;
  }

  /** The changed pages in the order of the disk, neighbours together; then, once these are durable, the control page. */
  *#checkpoint(): Generator<GuestRequest> {
    const offset = DatabaseGuest.tableOffset(this.#plan);
    for (const { first, count } of stretches(this.#dirtyPages)) {
      yield { op: 'write', offset: offset + first * PAGE_BYTES, length: count * PAGE_BYTES };
    }
    yield { op: 'flush' };
    yield { op: 'write', offset: 0, length: PAGE_BYTES };
    yield { op: 'flush' };
    this.#dirtyPages.clear();
    this.#logAtCheckpoint = this.#logEnd;
  }
}

/** The pages in ascending order, as stretches of neighbours of at most {@link WRITE_BACK_BYTES}. */
function* stretches(pages: ReadonlySet<number>): Generator<{ first: number; count: number }> {
  const sorted = [...pages].sort((a, b) => a - b);
  for (let index = 0; index < sorted.length; ) {
    const first = sorted[index]!;
    let count = 1;
    while (sorted[index + count] === first + count && (count + 1) * PAGE_BYTES <= WRITE_BACK_BYTES) count++;
    yield { first, count };
    index += count;
  }
}

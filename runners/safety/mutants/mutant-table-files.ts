/** Files between the engine and the recording (or below it) that look into the tables that pass, and get one thing wrong. */
import { type BlockFile, ForwardingFile, Qcow2Error, SECTOR_BYTES, type TableKind } from '../../../engine/index.ts';
import type { CrashRequest } from '../requests/crash-workload.ts';
import type { AlteredRun } from '../states/alteration.ts';

const ENTRY_BYTES = 8;
/** COPIED is the highest bit of an entry, in both kinds of table. */
const COPIED_IN_FIRST_BYTE = 128;
/** Of a refcount, in the images of crash workloads. */
const REFCOUNT_BYTES = 2;

/** What the guest writes next lands on a refcount block, too, that has just been made: as if both had been given the same cluster. */
export class OverlapFile extends ForwardingFile {
  readonly #blocks = new Set<number>();
  #newBlock: number | null = null;

  override read(offset: number, into: Uint8Array, kind: TableKind): void {
    if (kind === 'refcount-block') this.#blocks.add(offset);
    super.read(offset, into, kind);
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    super.write(offset, from, kind);
    if (kind === 'refcount-block' && !this.#blocks.has(offset)) {
      this.#blocks.add(offset);
      this.#newBlock = offset;
    } else if (kind === 'data' && this.#newBlock !== null) {
      super.write(this.#newBlock, from.subarray(0, SECTOR_BYTES), kind);
      this.#newBlock = null;
    }
  }
}

/** An L2 entry that names another cluster than before never reaches the file: its table was written out, and clean, too early. */
export class LostReplacementFile extends ForwardingFile {
  /** Sectors that are known to hold L2 entries. */
  readonly #sectors = new Set<number>();

  override read(offset: number, into: Uint8Array, kind: TableKind): void {
    super.read(offset, into, kind);
    if (kind === 'l2') this.#learn(offset, into.length);
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    if (kind !== 'l2') return super.write(offset, from, kind);
    const before = new Uint8Array(from.length);
    super.read(offset, before, 'l2');
    const bytes = from.slice();
    for (let at = 0; at < bytes.length; at += ENTRY_BYTES) {
      const isKnown = this.#sectors.has(Math.floor((offset + at) / SECTOR_BYTES));
      if (isKnown && isReplaced(before, bytes, at)) bytes.set(before.subarray(at, at + ENTRY_BYTES), at);
    }
    this.#learn(offset, from.length);
    super.write(offset, bytes, kind);
  }

  #learn(offset: number, lengthBytes: number): void {
    for (let at = offset; at < offset + lengthBytes; at += SECTOR_BYTES) this.#sectors.add(at / SECTOR_BYTES);
  }
}

/** Both entries name a cluster, and not the same. */
function isReplaced(before: Uint8Array, after: Uint8Array, at: number): boolean {
  const places = [before, after].map((bytes) => bytes.subarray(at + 1, at + ENTRY_BYTES).join());
  return places[0] !== places[1] && places.every((place) => /[1-9]/.test(place));
}

/** Fix: while requests of one kind are served, refcounts are only raised in the file; they are lowered when the next request begins. */
export class LateLoweringFile extends ForwardingFile {
  readonly #run: AlteredRun;
  readonly #op: CrashRequest['op'];
  readonly #held = new Map<number, Uint8Array>();

  constructor(inner: BlockFile, run: AlteredRun, op: CrashRequest['op']) {
    super(inner);
    this.#run = run;
    this.#op = op;
  }

  override read(offset: number, into: Uint8Array, kind: TableKind): void {
    this.#lowerIfOver();
    super.read(offset, into, kind);
    for (const [at, bytes] of this.#held) {
      const start = Math.max(offset, at);
      const end = Math.min(offset + into.length, at + bytes.length);
      if (start < end) into.set(bytes.subarray(start - at, end - at), start - offset);
    }
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    this.#lowerIfOver();
    if (kind !== 'refcount-block' || this.#run.op !== this.#op) return super.write(offset, from, kind);
    this.#held.delete(offset);
    this.#held.set(offset, from.slice());
    const inFile = new Uint8Array(from.length);
    super.read(offset, inFile, kind);
    super.write(offset, higherRefcounts(inFile, from), kind);
  }

  #lowerIfOver(): void {
    if (this.#held.size === 0 || this.#run.op === this.#op) return;
    for (const [offset, bytes] of this.#held) super.write(offset, bytes, 'refcount-block');
    this.#held.clear();
  }
}

function higherRefcounts(first: Uint8Array, second: Uint8Array): Uint8Array {
  const higher = second.slice();
  const refcount = (bytes: Uint8Array, at: number) => bytes[at]! * 256 + bytes[at + 1]!;
  for (let at = 0; at < higher.length; at += REFCOUNT_BYTES) {
    if (refcount(first, at) > refcount(second, at)) higher.set(first.subarray(at, at + REFCOUNT_BYTES), at);
  }
  return higher;
}

/** Fix: while the disk goes back to a snapshot, no table that is written says COPIED. What is not owned is copied: no harm. */
export class UnownedTablesFile extends ForwardingFile {
  readonly #run: AlteredRun;

  constructor(inner: BlockFile, run: AlteredRun) {
    super(inner);
    this.#run = run;
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    const hasFlags = kind === 'l1' || kind === 'l2';
    if (!hasFlags || this.#run.op !== 'snapshot-apply') return super.write(offset, from, kind);
    super.write(
      offset,
      from.map((byte, index) => (index % ENTRY_BYTES === 0 ? byte % COPIED_IN_FIRST_BYTE : byte)),
      kind,
    );
  }
}

/** Below the recording: the first write of a table of one kind fails while requests of one kind are served. */
export class FailingTableFile extends ForwardingFile {
  readonly #isHit: (kind: TableKind) => boolean;
  #hasFailed = false;

  constructor(inner: BlockFile, isHit: (kind: TableKind) => boolean) {
    super(inner);
    this.#isHit = isHit;
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    if (!this.#hasFailed && this.#isHit(kind)) {
      this.#hasFailed = true;
      throw new Qcow2Error('IO', 'this write fails');
    }
    super.write(offset, from, kind);
  }
}

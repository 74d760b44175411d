/**
 * What of an open image would survive a power cut now: every change of its files has a number, and a sync that returned moves the
 * line below which all of them are durable. Outermost, around the image file and the external data file alike.
 *
 * Invariants:
 *  1. one sequence counts the changes of both files, so that "before" has one meaning;
 *  2. `durable` never exceeds what is known: a change that failed counts as made (part of it may be in the file) and as not durable,
 *     a failed sync makes nothing durable;
 *  3. O_DSYNC makes writes durable on return, but no change of the size and no hole: those wait for a sync in every mode.
 *
 * In host cache mode `unsafe` nothing survives for certain; the numbers then advance as if syncs worked, so that whatever waits for
 * one is not kept for ever.
 */
import type { BlockFile, SyncCause, TableKind } from './block-file.ts';
import { ForwardingFile } from './forwarding-file.ts';

declare const unit: unique symbol;
/** Number of a change to the files of an open image; grows by one with each. 0: as they were opened. */
export type Sequence = number & { readonly [unit]: 'Sequence' };

/** A file that knows which of its changes a power cut would leave. */
export interface DurableFile extends BlockFile {
  /** The last change made to the image or its data file. */
  readonly written: Sequence;
  /** All changes up to this one survive a power cut. Equal to {@link written} when a sync would add nothing. */
  readonly durable: Sequence;
}

export interface DurableFiles {
  readonly image: DurableFile;
  readonly dataFile: DurableFile | null;
}

/** Numbers the changes of `image` and of `dataFile`, which every sync of `image` must cover. */
export function trackDurability(image: BlockFile, dataFile: BlockFile | null = null): DurableFiles {
  const clock = new DurabilityClock();
  const data = dataFile === null ? null : new NumberedFile(dataFile, clock, []);
  return { image: new NumberedFile(image, clock, data === null ? [] : [data.unsynced]), dataFile: data };
}

/** The oldest change of one file that is not known to be durable; 0 when there is none. */
interface Unsynced {
  since: number;
}

class DurabilityClock {
  written = 0;
  readonly #files: Unsynced[] = [];

  addFile(): Unsynced {
    const unsynced = { since: 0 };
    this.#files.push(unsynced);
    return unsynced;
  }

  get durable(): number {
    let durable = this.written;
    for (let index = 0; index < this.#files.length; index++) {
      const { since } = this.#files[index]!;
      if (since !== 0 && since <= durable) durable = since - 1;
    }
    return durable;
  }
}

class NumberedFile extends ForwardingFile implements DurableFile {
  readonly unsynced: Unsynced;
  readonly #clock: DurabilityClock;
  readonly #syncedAlong: readonly Unsynced[];

  constructor(inner: BlockFile, clock: DurabilityClock, syncedAlong: readonly Unsynced[]) {
    super(inner);
    this.#clock = clock;
    this.#syncedAlong = syncedAlong;
    this.unsynced = clock.addFile();
  }

  get written(): Sequence {
    return this.#clock.written as Sequence;
  }

  get durable(): Sequence {
    return this.#clock.durable as Sequence;
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    const change = this.#number();
    this.inner.write(offset, from, kind);
    if (this.writesAreDurable && this.unsynced.since === change) this.unsynced.since = 0;
  }

  override sync(cause: SyncCause): void {
    this.inner.sync(cause);
    this.unsynced.since = 0;
    for (let index = 0; index < this.#syncedAlong.length; index++) this.#syncedAlong[index]!.since = 0;
  }

  override truncate(sizeBytes: number): void {
    this.#number();
    this.inner.truncate(sizeBytes);
  }

  override punchHole(offset: number, lengthBytes: number): boolean {
    return this.#unlessRefused(() => this.inner.punchHole(offset, lengthBytes));
  }

  override preallocate(offset: number, lengthBytes: number): boolean {
    return this.#unlessRefused(() => this.inner.preallocate(offset, lengthBytes));
  }

  /** Counts a change that says by false that it changed nothing. */
  #unlessRefused(change: () => boolean): boolean {
    let changed = true;
    try {
      changed = change();
    } finally {
      if (changed) this.#number();
    }
    return changed;
  }

  #number(): number {
    const change = ++this.#clock.written;
    if (this.unsynced.since === 0) this.unsynced.since = change;
    return change;
  }
}

/**
 * A memory file that remembers its writes between syncs, and the states in which a power cut may leave it: every 512-byte sector
 * written since the last sync independently holds its old or its new bytes.
 */
import { SECTOR_BYTES } from '../base/units.ts';
import type { SyncCause, TableKind } from '../io/block-file.ts';
import { MemoryFile } from '../io/memory-file.ts';

interface SectorWrite {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

interface Epoch {
  /** The durable content when the epoch began. */
  readonly durable: Uint8Array;
  readonly sectors: readonly SectorWrite[];
}

export class CrashableFile extends MemoryFile {
  readonly epochs: Epoch[] = [];
  #durable: Uint8Array;
  #sectors: SectorWrite[] = [];

  constructor(name: string, initial: Uint8Array) {
    super(name, initial);
    this.#durable = Uint8Array.from(initial);
  }

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    super.write(offset, from, kind);
    for (let at = 0; at < from.length; ) {
      const end = Math.min(from.length, at + SECTOR_BYTES - ((offset + at) % SECTOR_BYTES));
      this.#sectors.push({ offset: offset + at, bytes: from.slice(at, end) });
      at = end;
    }
  }

  override sync(cause: SyncCause): void {
    super.sync(cause);
    this.epochs.push({ durable: this.#durable, sectors: this.#sectors });
    this.#durable = this.bytes();
    this.#sectors = [];
  }
}

/** States of one epoch: none, every single sector present, every single one missing, every prefix (which ends in all). */
export function* crashStates({ durable, sectors }: Epoch): Generator<Uint8Array> {
  const count = sectors.length;
  for (let i = 0; i < count; i++) {
    yield applied(durable, [sectors[i]!]);
    yield applied(durable, sectors.slice(0, i));
    yield applied(
      durable,
      sectors.filter((_, index) => index !== i),
    );
  }
  yield applied(durable, sectors);
}

function applied(durable: Uint8Array, sectors: readonly SectorWrite[]): Uint8Array {
  const end = sectors.reduce((size, { offset, bytes }) => Math.max(size, offset + bytes.length), durable.length);
  const state = new Uint8Array(end);
  state.set(durable);
  for (const { offset, bytes } of sectors) state.set(bytes, offset);
  return state;
}

/**
 * What each sector of the file may hold after a crash: what was durable last, and every version written since.
 *
 * A sector's version is a whole 512-byte content, named by a number; equal contents have equal numbers, so a sector that is
 * written again with the same bytes has no second version.
 */
import { SECTOR_BYTES } from '../../../engine/index.ts';

/** Contents by number. Number 0 is a sector of zeros. */
export class SectorContents {
  readonly #bytes: Uint8Array[] = [new Uint8Array(SECTOR_BYTES)];
  readonly #numbers = new Map<string, number>();

  constructor() {
    this.#numbers.set(keyOf(this.#bytes[0]!), 0);
  }

  /** The number of `content`, which is copied when it is new. */
  numberOf(content: Uint8Array): number {
    const key = keyOf(content);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#bytes.push(content.slice()) - 1;
    this.#numbers.set(key, number);
    return number;
  }

  bytesOf(number: number): Uint8Array {
    return this.#bytes[number]!;
  }
}

function keyOf(content: Uint8Array): string {
  return Buffer.from(content.buffer, content.byteOffset, content.length).toString('latin1');
}

/** A version that may or may not have reached the disk. */
export interface PendingVersion {
  readonly content: number;
  /** Sequence of the event that wrote it. */
  readonly sequence: number;
  /** Written before a sync that failed: no later sync makes it certain. */
  stuck: boolean;
}

export interface SectorState {
  durable: number;
  /** In the order written. */
  pending: PendingVersion[];
}

/** Distinct contents that the sector may hold, the durable one first. */
export function choicesOf(state: SectorState): number[] {
  return [...new Set([state.durable, ...state.pending.map(({ content }) => content)])];
}

/** The newest content, as the running program reads it. */
export function newestOf(state: SectorState): number {
  return state.pending.at(-1)?.content ?? state.durable;
}

/** A sync has succeeded: the newest version that it covers is durable, and all before it are gone. */
export function settleSector(state: SectorState): void {
  const last = state.pending.findLastIndex(({ stuck }) => !stuck);
  if (last < 0) return;
  state.durable = state.pending[last]!.content;
  state.pending = state.pending.slice(last + 1);
}

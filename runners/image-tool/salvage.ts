/** A source of which some parts cannot be read: they are zeros, and said to be lost. */
import { Qcow2Error, roundDown, SECTOR_BYTES } from '../../engine/index.ts';
import type { Extent } from './extents.ts';
import type { Source } from './source.ts';

/** How much is taken for lost where tables do not say how far the damage goes. */
const UNIT_BYTES = 4096;

/** `warn` is given one line for each stretch that is lost. Closed with it. */
export function salvaged(source: Source, warn: (line: string) => void): Source {
  const losses = new Losses(warn);
  return {
    ...source,
    extentAt(offset, lengthBytes): Extent {
      try {
        return source.extentAt(offset, lengthBytes);
      } catch (error) {
        requireExpected(error);
        const length = Math.min(lengthBytes, UNIT_BYTES - (offset % UNIT_BYTES));
        const nowhere = { depth: 0, stored: 'data', hostOffset: null, fileName: '', isPastBacking: false } as const;
        return { ...nowhere, offset, lengthBytes: length };
      }
    },
    read(offset, into) {
      try {
        source.read(offset, into);
      } catch (error) {
        requireExpected(error);
        readSectors(source, offset, into, losses);
      }
    },
    close() {
      losses.report();
      source.close();
    },
  };
}

function requireExpected(error: unknown): void {
  if (!(error instanceof Qcow2Error)) throw error;
}

function readSectors(source: Source, offset: number, into: Uint8Array, losses: Losses): void {
  for (let at = 0; at < into.length; ) {
    const end = Math.min(into.length, roundDown(offset + at, SECTOR_BYTES) + SECTOR_BYTES - offset);
    const sector = into.subarray(at, end);
    try {
      source.read(offset + at, sector);
    } catch (error) {
      requireExpected(error);
      sector.fill(0);
      losses.add(offset + at, offset + end, (error as Qcow2Error).message);
    }
    at = end;
  }
}

class Losses {
  readonly #warn: (line: string) => void;
  #last: { from: number; end: number; why: string } | null = null;

  constructor(warn: (line: string) => void) {
    this.#warn = warn;
  }

  /** Neighbours are one loss. */
  add(from: number, end: number, why: string): void {
    if (this.#last?.end === from) this.#last.end = end;
    else {
      this.report();
      this.#last = { from, end, why };
    }
  }

  report(): void {
    if (this.#last === null) return;
    const { from, end, why } = this.#last;
    this.#warn(`offset ${from}, ${end - from} bytes could not be read and are zeros in the copy: ${why}`);
    this.#last = null;
  }
}

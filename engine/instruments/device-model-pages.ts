/** A set of file pages of 4 KiB, the unit in which a page cache holds and writes a file. */

export const PAGE_BYTES = 4096;

/** Bytes [offset, offset + lengthBytes) of a file. */
export interface Extent {
  readonly offset: number;
  readonly lengthBytes: number;
}

/** Pages to a chunk of the map: 128 MiB of file in 32 KiB of memory. */
const CHUNK_PAGES = 32_768;

/** A set of pages for files of any size: memory is spent only around pages that were ever added. */
export class PageSet {
  readonly #chunks = new Map<number, Uint8Array>();

  /** Adds the pages that the range touches; returns whether any was missing. */
  add(offset: number, lengthBytes: number): boolean {
    let missing = false;
    for (let page = firstPage(offset); page < endPage(offset, lengthBytes); page++) {
      const chunk = this.#chunkOf(page);
      if (chunk[page % CHUNK_PAGES] === 1) continue;
      chunk[page % CHUNK_PAGES] = 1;
      missing = true;
    }
    return missing;
  }

  has(page: number): boolean {
    return this.#chunks.get(Math.floor(page / CHUNK_PAGES))?.[page % CHUNK_PAGES] === 1;
  }

  /** Removes the pages that lie wholly in the range. */
  removeWithin(offset: number, lengthBytes: number): void {
    const start = Math.ceil(offset / PAGE_BYTES);
    const end = Math.floor((offset + lengthBytes) / PAGE_BYTES);
    for (const [index, chunk] of this.#chunks) {
      const from = Math.max(0, start - index * CHUNK_PAGES);
      const to = Math.min(CHUNK_PAGES, end - index * CHUNK_PAGES);
      if (from < to) chunk.fill(0, from, to);
    }
  }

  #chunkOf(page: number): Uint8Array {
    const index = Math.floor(page / CHUNK_PAGES);
    let chunk = this.#chunks.get(index);
    if (chunk === undefined) {
      chunk = new Uint8Array(CHUNK_PAGES);
      this.#chunks.set(index, chunk);
    }
    return chunk;
  }
}

export function firstPage(offset: number): number {
  return Math.floor(offset / PAGE_BYTES);
}

/** The page after the last that the range touches. */
export function endPage(offset: number, lengthBytes: number): number {
  return lengthBytes === 0 ? firstPage(offset) : Math.floor((offset + lengthBytes - 1) / PAGE_BYTES) + 1;
}

/** The runs of neighbouring `pages`, ascending, as byte ranges. */
export function extentsOf(pages: Iterable<number>): Extent[] {
  const extents: { offset: number; lengthBytes: number }[] = [];
  for (const page of Float64Array.from(pages).sort()) {
    const last = extents.at(-1);
    if (last !== undefined && last.offset + last.lengthBytes === page * PAGE_BYTES) last.lengthBytes += PAGE_BYTES;
    else extents.push({ offset: page * PAGE_BYTES, lengthBytes: PAGE_BYTES });
  }
  return extents;
}

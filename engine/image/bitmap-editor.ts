/** Changing the persistent bitmaps of an image by hand: adding, removing, merging. */
import { Qcow2Error } from '../base/errors.ts';
import { KiB } from '../base/units.ts';
import type { ByteRange } from '../disk/device.ts';
import { BITMAP_COUNT_MAX, BITMAP_DIRTY_TRACKING, BITMAP_FLAGS } from '../format/bitmap-directory.ts';
import type { BlockFile } from '../io/block-file.ts';
import type { BitmapBits } from './bitmap-bits.ts';
import { type LoadedBitmap, newBits } from './bitmap-storage.ts';

const GRANULARITY_BYTES = { least: 512, most: 2 ** 31 } as const;
const NAME_BYTES_MAX = 1023;

/** Every call @throws Qcow2Error INVALID_ARGUMENT for what makes no sense; nothing is stored then. */
export class BitmapEditor {
  readonly #file: BlockFile;
  readonly #sizeBytes: number;
  readonly #clusterBytes: number;
  #bitmaps: readonly LoadedBitmap[];

  constructor(file: BlockFile, sizeBytes: number, clusterBytes: number, bitmaps: readonly LoadedBitmap[]) {
    this.#file = file;
    this.#sizeBytes = sizeBytes;
    this.#clusterBytes = clusterBytes;
    this.#bitmaps = bitmaps;
  }

  /** As they are by now. */
  get bitmaps(): readonly LoadedBitmap[] {
    return this.#bitmaps;
  }

  /** A new one, enabled, with no bit set. `granularityBytes`: a power of two from 512 to 2 GiB; default: a cluster, from 4 to 64 KiB. */
  add(name: string, granularityBytes = Math.min(64 * KiB, Math.max(4 * KiB, this.#clusterBytes))): void {
    const nameBytes = new TextEncoder().encode(name);
    const refuse = (why: string) => {
      throw new Qcow2Error('INVALID_ARGUMENT', `cannot add bitmap ${JSON.stringify(name)}: ${why}`);
    };
    if (nameBytes.length === 0) refuse('the name is empty');
    if (nameBytes.length > NAME_BYTES_MAX) refuse(`the name is longer than ${NAME_BYTES_MAX} bytes`);
    const { least, most } = GRANULARITY_BYTES;
    const isPossible = Number.isInteger(Math.log2(granularityBytes));
    if (!isPossible || granularityBytes < least || granularityBytes > most)
      refuse(`granularity ${granularityBytes} is not a power of two from ${least} to ${most}`);
    if (this.#bitmaps.some(({ entry }) => entry.name === name)) refuse('there is one of that name');
    if (this.#bitmaps.length >= BITMAP_COUNT_MAX) refuse(`there are ${BITMAP_COUNT_MAX}`);
    const bits = newBits(this.#file, this.#sizeBytes, granularityBytes, this.#clusterBytes);
    // Without a table yet: storing makes one.
    const place = { tableOffset: 0, tableEntries: 0, type: BITMAP_DIRTY_TRACKING, extraData: new Uint8Array(0) };
    const entry = { name, nameBytes, flags: BITMAP_FLAGS.auto, granularityBytes, ...place };
    this.#bitmaps = [...this.#bitmaps, { entry, bits }];
  }

  /** An inconsistent one too: that is the way to get rid of it. */
  remove(name: string): void {
    const found = findBitmap(this.#bitmaps, name);
    this.#bitmaps = this.#bitmaps.filter((bitmap) => bitmap !== found);
  }

  /** Nothing counts as changed. */
  clear(name: string): void {
    usableBits(this.#bitmaps, name).clear();
  }

  /** Whether it notes changes from now on. */
  setEnabled(name: string, isEnabled: boolean): void {
    usableBits(this.#bitmaps, name);
    this.#bitmaps = this.#bitmaps.map((bitmap) => {
      const { entry, bits } = bitmap;
      if (entry.name !== name) return bitmap;
      return {
        entry: { ...entry, flags: isEnabled ? entry.flags | BITMAP_FLAGS.auto : entry.flags & ~BITMAP_FLAGS.auto },
        bits,
      };
    });
  }

  /** `ranges`, of this disk, count as changed too. */
  merge(name: string, ranges: Iterable<ByteRange>): void {
    const bits = usableBits(this.#bitmaps, name);
    for (const { offset, lengthBytes } of ranges) bits.set(offset, Math.min(offset + lengthBytes, this.#sizeBytes));
  }

  /** What the bitmap says has changed. */
  ranges(name: string): Iterable<ByteRange> {
    return [...usableBits(this.#bitmaps, name).ranges()];
  }
}

/** @throws Qcow2Error INVALID_ARGUMENT when there is none, or what it says is not to be trusted. */
export function usableBits(bitmaps: readonly LoadedBitmap[], name: string): BitmapBits {
  const { bits } = findBitmap(bitmaps, name);
  if (bits !== null) return bits;
  const why = 'is inconsistent: a program had it open and did not store it; it can only be removed';
  throw new Qcow2Error('INVALID_ARGUMENT', `bitmap ${JSON.stringify(name)} ${why}`);
}

function findBitmap(bitmaps: readonly LoadedBitmap[], name: string): LoadedBitmap {
  const found = bitmaps.find(({ entry }) => entry.name === name);
  if (found !== undefined) return found;
  throw new Qcow2Error('INVALID_ARGUMENT', `there is no bitmap ${JSON.stringify(name)}`);
}

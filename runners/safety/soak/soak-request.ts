/** The guest of the soak run: random requests on blocks of 4 KiB, the same for the same seed, each with a number of its own. */
import { SECTOR_BYTES } from '../../../engine/index.ts';

export const BLOCK_BYTES = 4096;
export const BLOCK_COUNT = 4096;
export const SECTORS_PER_BLOCK = BLOCK_BYTES / SECTOR_BYTES;

export interface SoakRequest {
  readonly op: 'write' | 'discard' | 'write-zeroes' | 'flush';
  readonly block: number;
}

/** What the writer says on its pipe: a request is about to start; everything before is durable. */
export type SoakMessage =
  | { readonly starts: SoakRequest['op']; readonly block: number; readonly number: number }
  | { readonly durable: number };

/** Numbers from 0 to 1, by the generator mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function nextRequest(random: () => number): SoakRequest {
  const dice = random();
  const block = Math.floor(random() * BLOCK_COUNT);
  if (dice < 0.12) return { op: 'flush', block: 0 };
  if (dice < 0.16) return { op: 'discard', block };
  return { op: dice < 0.2 ? 'write-zeroes' : 'write', block };
}

/** The content of a block written by request `number`; 0 for zeros. */
export function blockOf(number: number): Uint8Array {
  const words = new Uint32Array(BLOCK_BYTES / 4).fill(number);
  return new Uint8Array(words.buffer);
}

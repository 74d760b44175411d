/** The guest of the soak run: random requests on blocks of 4 KiB, the same for the same seed, each with a number of its own. */
import { SECTOR_BYTES } from '../../../engine/index.ts';
import type { Prng } from '../../../workloads/prng.ts';

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

export function nextRequest(prng: Prng): SoakRequest {
  const dice = prng.fraction();
  const block = prng.below(BLOCK_COUNT);
  if (dice < 0.12) return { op: 'flush', block: 0 };
  if (dice < 0.16) return { op: 'discard', block };
  return { op: dice < 0.2 ? 'write-zeroes' : 'write', block };
}

/** The content of a block written by request `number`; 0 for zeros. */
export function blockOf(number: number): Uint8Array {
  const words = new Uint32Array(BLOCK_BYTES / 4).fill(number);
  return new Uint8Array(words.buffer);
}

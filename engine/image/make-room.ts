/**
 * A full disk. Freed clusters that wait for an epoch, and clusters that were counted ahead, are space that nothing uses: before a request
 * fails for want of space, the barrier that releases them is made, and the request is retried. Policies of history hold nothing back, and
 * fail as they always did.
 */
import { Qcow2Error } from '../base/errors.ts';
import type { Allocator } from '../cache/allocator.ts';
import type { DurableFile, Sequence } from '../io/durability.ts';

export interface RoomParts {
  readonly file: DurableFile;
  readonly allocator: Allocator;
  /** What is informed, in this order, that a sync returned. */
  readonly settling: readonly { settled(durable: Sequence): void }[];
}

/** A request frees clusters of its own with each try, but no request as many times as this. */
const TRIES_MAX = 16;

/**
 * Runs `action`, which can be run again after it failed; again for as long as it finds the disk full and something was held back.
 * @throws Qcow2Error NO_SPACE of the last try; that of the barrier where a device fails.
 */
export function withRoom<Result>(parts: RoomParts, action: () => Result): Result {
  for (let tries = 1; ; tries++) {
    try {
      return action();
    } catch (error) {
      if (tries === TRIES_MAX || !isFull(error) || !makeRoom(parts)) throw error;
    }
  }
}

function makeRoom({ file, allocator, settling }: RoomParts): boolean {
  try {
    if (allocator.makeRoom?.() !== true) return false;
    for (const part of settling) part.settled(file.durable);
    return true;
  } catch (error) {
    if (isFull(error)) return false;
    throw error;
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Qcow2Error && error.code === 'NO_SPACE';
}

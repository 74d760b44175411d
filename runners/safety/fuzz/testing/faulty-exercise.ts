/** In place of the engine, for tests of the fuzzer: each of some header fields breaks one property when it is damaged. */
import { createHash } from 'node:crypto';
import type { ExerciseOptions, Outcome } from '../exercise.ts';
import { guarded, Violation } from '../properties.ts';

function hang(): void {
  for (;;) createHash('sha256').update('again').digest();
}

function fillHeap(): void {
  const held: object[] = [];
  for (;;) held.push(new Array<object[]>(2 ** 25).fill(held));
}

const FAULTS: Readonly<Record<string, () => void>> = {
  'header: size': () => void guarded('open', () => void new Uint8Array(2 ** 40)),
  'header: L1 size': () => void guarded('open', () => void (null as unknown as { field: object }).field),
  'header: crypt method': () => {
    throw new Violation('clean image', 'read', 'found on purpose');
  },
};
/** Each of these costs a process: only with some values of the field. */
const COSTLY_FAULTS: Readonly<Record<string, () => void>> = {
  'header: version': hang,
  'header: cluster bits': fillHeap,
};

const COSTLY_VALUES: ReadonlySet<number> = new Set([7, 21, 22]);

export function exercise({ damage }: ExerciseOptions): Outcome {
  for (const { name, bytes } of damage.patches) {
    FAULTS[name]?.();
    if (COSTLY_VALUES.has(bytes.at(-1)!)) COSTLY_FAULTS[name]?.();
  }
  return 'refused';
}

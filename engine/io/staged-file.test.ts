import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BlockFile } from './block-file.ts';
import { MemoryFile } from './memory-file.ts';
import { StagedFile } from './staged-file.ts';

const SEED = 7;
const MOST_BYTES = 20_000;

type Step = (file: BlockFile) => void;

const offset = fc.nat(MOST_BYTES);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(offset, fc.uint8Array({ minLength: 1, maxLength: 9000 })).map(
    ([at, bytes]): Step =>
      (file) =>
        file.write(at, bytes, 'data'),
  ),
  offset.map(
    (sizeBytes): Step =>
      (file) =>
        file.truncate(sizeBytes),
  ),
  fc.tuple(offset, offset).map(
    ([at, length]): Step =>
      (file) =>
        void file.punchHole(at, length),
  ),
);

function contentOf(file: BlockFile): Uint8Array {
  const bytes = new Uint8Array(file.sizeBytes() + 100);
  file.read(0, bytes, 'data');
  return bytes;
}

test('reads what was changed; the file beneath changes at the commit and is the same then', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: MOST_BYTES }), fc.array(anyStep, { maxLength: 8 }), (initial, steps) => {
      const beneath = new MemoryFile('beneath', initial);
      const plain = new MemoryFile('plain', initial);
      const staged = new StagedFile(beneath);
      for (const step of steps) {
        step(staged);
        step(plain);
      }
      assert.deepEqual(contentOf(staged), contentOf(plain));
      assert.deepEqual(beneath.bytes(), Uint8Array.from(initial));
      staged.commit();
      assert.deepEqual(beneath.bytes(), plain.bytes());
    }),
    { seed: SEED, numRuns: 200 },
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MiB } from '../base/units.ts';
import type { BlockFile } from './block-file.ts';
import { MemoryFile } from './memory-file.ts';
import { StagedFile } from './staged-file.ts';

const SEED = 7;
const MOST_BYTES = 20_000;

type Step = (file: BlockFile) => void;

const PAGE_BYTES = 4096;

const offset = fc.nat(MOST_BYTES);
const page = fc.nat(8);

function copy(file: BlockFile, from: number, to: number, lengthBytes: number): void {
  if (file instanceof StagedFile) return file.copy(from, to, lengthBytes, 'data');
  const bytes = new Uint8Array(lengthBytes);
  file.read(from, bytes, 'data');
  file.write(to, bytes, 'data');
}

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
  fc.tuple(page, page, fc.integer({ min: 1, max: 3 })).map(
    ([from, to, count]): Step =>
      (file) =>
        copy(file, from * PAGE_BYTES, to * PAGE_BYTES, count * PAGE_BYTES),
  ),
  fc.tuple(offset, offset, fc.integer({ min: 1, max: 5000 })).map(
    ([from, to, length]): Step =>
      (file) =>
        copy(file, from, to, length),
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
    { seed: SEED, numRuns: 600 },
  );
});

test('a copy of what was not changed takes no memory', () => {
  const beneath = new MemoryFile('beneath', new Uint8Array(2 * MiB).fill(7));
  const staged = new StagedFile(beneath);
  const before = process.memoryUsage().arrayBuffers;
  for (let index = 1; index <= 64; index++) staged.copy(0, index * 2 * MiB, 2 * MiB, 'data');
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 * MiB);
  const last = new Uint8Array(1);
  staged.read(staged.sizeBytes() - 1, last, 'data');
  assert.deepEqual([...last, staged.sizeBytes()], [7, 130 * MiB]);
});

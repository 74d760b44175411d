import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedMemory } from './shared-memory.ts';

test('pieces never overlap while they are out, and come back', () => {
  const memory = new SharedMemory(65_536);
  const pieces = [1, 4096, 5000, 8192, 12_000, 4097].map((length) => memory.take(length)!);
  const sorted = pieces.map(({ byteOffset, length }) => ({ byteOffset, end: byteOffset + length }));
  sorted.sort((a, b) => a.byteOffset - b.byteOffset);
  for (const [index, { byteOffset }] of sorted.entries())
    assert.ok(index === 0 || byteOffset >= sorted[index - 1]!.end);
  assert.deepEqual(memory.placeOf(pieces[1]!), { at: 4096, length: 4096 });
  memory.give(pieces[4]!);
  assert.equal(memory.take(9000)!.byteOffset, pieces[4]!.byteOffset);
});

test('there is nothing for nothing, for too much, or for memory from elsewhere', () => {
  const memory = new SharedMemory(8192);
  assert.equal(memory.take(0), null);
  assert.equal(memory.take(8193), null);
  assert.ok(memory.take(5000));
  assert.equal(memory.take(1), null);
  const foreign = new Uint8Array(4096);
  memory.give(foreign);
  assert.equal(memory.placeOf(foreign), null);
  assert.equal(memory.take(4096), null);
});

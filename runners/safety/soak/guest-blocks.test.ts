import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GuestBlocks } from './guest-blocks.ts';

/** Block 3 is written and flushed, then given up; block 5 is written after that. */
function afterReuse(op: 'discard' | 'write-zeroes'): GuestBlocks {
  const blocks = new GuestBlocks(8);
  blocks.take({ starts: 'write', block: 3, number: 1 });
  blocks.take({ starts: 'flush', block: 0, number: 2 });
  blocks.take({ durable: 2 });
  blocks.take({ starts: 'write', block: 4, number: 3 });
  blocks.take({ starts: op, block: 3, number: 4 });
  blocks.take({ starts: 'write', block: 5, number: 5 });
  return blocks;
}

describe('what a block may hold', () => {
  test('the flushed content and all later', () => {
    const blocks = afterReuse('discard');
    assert.deepEqual([...blocks.possible(3)], [1, 0]);
    assert.deepEqual([...blocks.possible(5)], [0, 5]);
    blocks.take({ durable: 6 });
    assert.deepEqual([...blocks.possible(3)], [0]);
    assert.deepEqual([...blocks.possible(5)], [5]);
  });
});

describe('a value that a block must not hold', () => {
  for (const op of ['discard', 'write-zeroes'] as const) {
    test(`a later write to another block after ${op}: its cluster was used again`, () => {
      assert.equal(afterReuse(op).explain(3, 5), 'reused');
    });
  }

  test('an earlier write is not explained by it', () =>
    assert.equal(afterReuse('discard').explain(3, 3), 'unexplained'));
  test('nor is a number that nobody wrote', () => assert.equal(afterReuse('discard').explain(3, 99), 'unexplained'));
  test('nor a block that was not given up', () => assert.equal(afterReuse('discard').explain(4, 5), 'unexplained'));

  test('nor once the giving up is durable', () => {
    const blocks = afterReuse('discard');
    blocks.take({ durable: 6 });
    assert.equal(blocks.explain(3, 5), 'unexplained');
  });
});

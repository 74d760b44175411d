import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstRound, pairedBlock, variantsOf } from './variants.ts';

test('every baseline of another cell is measured twice, and only where something is compared', () => {
  assert.deepEqual(
    variantsOf([null, 0, 0], true).filter(({ control }) => control),
    [{ cell: 0, control: true }],
  );
  assert.deepEqual(
    variantsOf([null, null, 0, 1], true)
      .filter(({ control }) => control)
      .map(({ cell }) => cell),
    [0, 1],
  );
  assert.equal(variantsOf([null], true).length, 1);
  assert.equal(variantsOf([null, 0], false).length, 2);
});

test('places in the run are never given twice; each paired round has every variant once, the second in reverse', () => {
  const variants = variantsOf([null, 0, 0], true);
  const first = firstRound(3, 7);
  assert.deepEqual(first.map(({ cell }) => cell).toSorted(), [0, 1, 2]);
  const blocks = [0, 1, 2].map((block) => pairedBlock(variants, 3, block, 7));
  const orders = [...first, ...blocks.flat()].map(({ order }) => order);
  assert.deepEqual(orders, [...orders.keys()]);
  for (const [index, block] of blocks.entries()) {
    const name = ({ cell, control }: (typeof block)[number]) => `${cell}${control}`;
    const rounds = [1, 2].map((round) => block.filter((sample) => sample.round === 2 * index + round).map(name));
    assert.deepEqual(rounds[1], rounds[0]!.toReversed());
    assert.equal(new Set(rounds[0]).size, 4);
  }
});

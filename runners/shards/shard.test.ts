import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shardOf, shareOf } from './shard.ts';

test('a shard is one of N, counted from 1; anything else is refused in one line that says so', () => {
  assert.deepEqual(shardOf('1/1'), { index: 1, count: 1 });
  assert.deepEqual(shardOf('7/7'), { index: 7, count: 7 });
  const numbered = (text: string, n: number) =>
    `--shard "${text}": shards of ${n} are numbered from 1/${n} to ${n}/${n}`;
  for (const text of ['8/7', '0/7']) assert.throws(() => shardOf(text), { message: numbered(text, 7) });
  for (const text of ['', '7', '1/0', '-1/7', '1/7/7', '1/70000', 'a/b', '1.5/7', '1/99999999999']) {
    const message = `--shard "${text}": expected I/N, such as 1/7, with N from 1 to 10000`;
    assert.throws(() => shardOf(text), { name: 'UsageError', message });
  }
});

test('each name is in exactly one shard, the shares differ by one at most, and their order in the list decides nothing', () => {
  const names = Array.from({ length: 650 }, (_, index) => `part ${index}`);
  for (const count of [1, 2, 7, 64]) {
    const shares = Array.from({ length: count }, (_, place) => shareOf(names, { index: place + 1, count }));
    assert.deepEqual(shares.flatMap((share) => [...share]).sort(), names.toSorted());
    const sizes = shares.map(({ size }) => size);
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `${count} shards`);
    assert.deepEqual(shareOf(names.toReversed(), { index: 1, count }), shares[0]);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from './errors.ts';
import { assignments, clusterSize, duration, integer, list, single } from './option-values.ts';

function refuses(work: () => unknown, message: RegExp): void {
  assert.throws(work, (error) => error instanceof UsageError && message.test(error.message));
}

test('integers are whole, in range, and nothing but digits', () => {
  assert.equal(integer('rounds', '3', 1), 3);
  for (const text of ['0', '-1', '1.5', '1e3', '0x10', 'abc', '', '99999999999999999']) {
    refuses(() => integer('rounds', text, 1), /^--rounds ".*": expected an integer from 1$/);
  }
  refuses(() => integer('rounds', '21', 1, 20), /from 1 to 20$/);
});

test('cluster sizes are powers of two from 512 to 2M', () => {
  assert.equal(clusterSize('cluster-size', '512'), 512);
  assert.equal(clusterSize('cluster-size', '64k'), 65536);
  assert.equal(clusterSize('cluster-size', '64KiB'), 65536);
  assert.equal(clusterSize('cluster-size', '2M'), 2097152);
  for (const text of ['0', '256', '4M', '3k', '65535', '64q', '', 'k']) {
    refuses(() => clusterSize('cluster-size', text), /expected a power of two from 512 to 2M$/);
  }
});

test('times have units; without one they are seconds', () => {
  assert.equal(duration('time-budget', '2m'), 120_000);
  assert.equal(duration('time-budget', '90'), 90_000);
  assert.equal(duration('time-budget', '1.5h'), 5_400_000);
  for (const text of ['0', '-1s', '2 minutes', 'm', ''])
    refuses(() => duration('time-budget', text), /expected a time/);
});

test('lists and assignments', () => {
  assert.deepEqual(list('policy', 'a, b'), ['a', 'b']);
  refuses(() => list('policy', 'a,,b'), /separated by commas/);
  refuses(() => list('policy', 'a,b,a'), /a is named more than once$/);
  assert.deepEqual(assignments('param', ['a=1,b=', 'c-d=x=y']), { a: '1', b: '', 'c-d': 'x=y' });
  refuses(() => assignments('param', 'a'), /expected NAME=VALUE$/);
  refuses(() => assignments('param', ['a=1', 'a=2']), /a is given more than once$/);
  refuses(() => single('seed', ['1', '2']), /^--seed is given more than once$/);
});

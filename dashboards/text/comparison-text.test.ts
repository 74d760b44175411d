/** Verdicts in words for the terminal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TimeComparison } from '../../results/record.ts';
import { ratioText } from './comparison-text.ts';

test('B2: a ratio of fewer pairs than an interval needs stands alone', () => {
  const time = (pairs: number): TimeComparison => ({
    ...{ metric: 'wall', verdict: 'unsure', direction: 'neither', floor: 0.02, control: null, morePairs: 6 },
    interval: { ratio: 1.401, low: 1.3, high: 1.5, confidence: 0.95, pairs },
  });
  assert.deepEqual([1, 3].map(time).map(ratioText), ['1.401x', '1.401x']);
  assert.equal(ratioText(time(20)), '1.401x (1.300 to 1.500)');
});

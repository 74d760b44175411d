import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unknownWord } from './suggest.ts';

test('a near word is suggested, a far one lists what there is', () => {
  const names = ['legacy', 'writethrough', 'writeback'];
  assert.equal(unknownWord('policy', 'writetrough', names), 'unknown policy "writetrough"; did you mean writethrough?');
  assert.equal(unknownWord('policy', 'Legacy', names), 'unknown policy "Legacy"; did you mean legacy?');
  assert.equal(unknownWord('policy', 'qed', names), 'unknown policy "qed"; there are: legacy, writethrough, writeback');
});

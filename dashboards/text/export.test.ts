import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleCell, sampleRecord } from '../../results/testing/sample-record.ts';
import { fixtureRecord } from '../testing/fixture-record.ts';
import { commentText, csvText, markdownText } from './export.ts';

const hostile = sampleRecord({ cells: [sampleCell({ id: '=1+1,"a"|b\nc' })] });

test('names with separators stay one field, and are no formula', () => {
  const [header, row, rest] = csvText([hostile]).split('\r\n');
  assert.ok(header!.startsWith('run,commit,'));
  assert.match(row!, /,"'=1\+1,""a""\|b\nc",/);
  assert.equal(rest, '');
  const lines = markdownText([hostile]).trimEnd().split('\n');
  assert.equal(lines.length, 3);
  assert.match(lines[2]!, /=1\+1,"a"\\\|b c/);
});

test('a cell that was not measured has empty fields', () => {
  assert.match(markdownText([sampleRecord()]), /\| writeback \| {2}\| {2}\| {2}\|/);
});

test('a comment on a pull request has the answer, the commit and the table; what is not settled has no ratio', () => {
  const record = fixtureRecord();
  const text = commentText([record]);
  assert.match(text, /^### Fixture: an installation .* \(0123456789ab\)\n\n\*\*Use .*\*\*\n\n\| workload \| policy \|/);
  assert.match(text, /\| \d+(\.\d+)?\sGiB \|/);
  const interval = { ratio: 0.871, low: 0.5, high: 2, confidence: 0.95, pairs: 8 };
  const unsure = {
    metric: 'wall',
    verdict: 'unsure',
    direction: 'neither',
    interval,
    floor: 0.02,
    control: null,
    morePairs: 4,
  } as const;
  const [baseline, candidate] = record.cells.map(({ id }) => id);
  record.comparisons = [{ baseline: baseline!, candidate: candidate!, times: [unsure] }];
  assert.doesNotMatch(commentText([record]), /0\.871/);
  assert.match(commentText([record]), /\| not settled \|/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleCell, sampleRecord } from '../../results/testing/sample-record.ts';
import { csvText, markdownText } from './export.ts';

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

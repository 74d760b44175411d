import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textTable } from './text-table.ts';

const HEADER = ['policy', 'syncs', 'writes', 'bytes'];
const ROWS = [
  ['legacy, cluster 4 KiB, L2 tables 16', '12', '345', '6789'],
  ['legacy, cluster 4 KiB, L2 tables 32', '1', '3', '67'],
];

test('a table that fits is one table', () => {
  assert.deepEqual(textTable(['a', 'bc'], [['def', '1']], undefined), ['a    bc', '---  --', 'def   1']);
});

test('no line is wider than it may be, no cell is lost, and rows stay apart', () => {
  for (let width = 24; width < 70; width++) {
    const lines = textTable(HEADER, ROWS, width);
    assert.deepEqual(
      lines.filter((line) => line.length > width),
      [],
      `${width}`,
    );
    const words = lines.join(' ').split(/\s+/);
    for (const cell of [...HEADER, ...ROWS.flatMap((row) => row.slice(1))])
      assert.ok(words.includes(cell), `${cell}, ${width}`);
    const firsts = lines
      .filter((line) => line.startsWith('legacy') || line.includes('…'))
      .map((line) => line.split('  ')[0]);
    assert.equal(new Set(firsts).size, 2, lines.join('\n'));
  }
});

/** What is copied from a table. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PlainTable, tableText } from './table-text.ts';

const TABLE: PlainTable = {
  columns: [
    { label: 'Policy', quantity: 'text' },
    { label: 'Syncs per 1\u00a0000', quantity: 'count' },
    { label: 'Written', quantity: 'bytes' },
  ],
  rows: [
    ['a|b, "c"\nd', 12_345, 1_610_612_736],
    ['=HYPERLINK("x")', null, 0],
  ],
};

test('Markdown has human units, and nothing in a label ends a cell', () => {
  assert.equal(
    tableText(TABLE, 'markdown'),
    '| Policy | Syncs per 1 000 | Written |\n| --- | ---: | ---: |\n' +
      '| a\\|b, "c" d | 12 345 | 1.5 GiB |\n| =HYPERLINK("x") | – | 0 B |\n',
  );
});

test('CSV has exact values by RFC 4180, and no field that a spreadsheet would run', () => {
  assert.equal(
    tableText(TABLE, 'csv'),
    'Policy,Syncs per 1 000,Written\r\n"a|b, ""c""\nd",12345,1610612736\r\n"\'=HYPERLINK(""x"")",,0\r\n',
  );
});

test('JSON has an object for each row, exact values, and null for what was not measured', () => {
  assert.deepEqual(JSON.parse(tableText(TABLE, 'json')), [
    { Policy: 'a|b, "c"\nd', 'Syncs per 1 000': 12_345, Written: 1_610_612_736 },
    { Policy: '=HYPERLINK("x")', 'Syncs per 1 000': null, Written: 0 },
  ]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixtureRecord } from '../testing/fixture-record.ts';
import { csvText } from './export.ts';
import { requesterLines } from './requesters-text.ts';

test('syncs of a flush that several share, beside those of one alone', () => {
  assert.deepEqual(requesterLines(fixtureRecord()), []);
  const record = fixtureRecord((draft) => {
    draft.cells = draft.cells.slice(0, 2);
    const [one, sixteen] = draft.cells;
    sixteen!.requesters = 16;
    for (const [cell, fsyncs] of [
      [one!, 2000],
      [sixteen!, 64],
    ] as const)
      cell.exact = { ...cell.exact!, fsyncs, guest: { ...cell.exact!.guest, flushes: 1000 } };
  });
  const [, , ...rows] = requesterLines(record);
  const columns = rows.map((row) => row.trim().split(/\s{2,}/));
  assert.deepEqual(
    columns.map(([, ...rest]) => rest.slice(0, 3)),
    [
      ['1', '1000', '2.000'],
      ['16', '1000', '0.064'],
    ],
  );
  const [header, ...lines] = csvText([record]).trimEnd().split('\r\n');
  const place = header!.split(',').indexOf('requesters');
  assert.deepEqual(
    lines.map((line) => line.split(',')[place]),
    ['1', '16'],
  );
});

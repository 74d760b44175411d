import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FileMap } from '../../results/record.ts';
import { FileMapBuilder } from './file-map.ts';

const writes = fc.array(
  fc.record({
    kind: fc.constantFrom('data', 'l2', 'header'),
    offset: fc.integer({ min: 0, max: 8 * 1024 ** 3 }),
    length: fc.integer({ min: 1, max: 2 * 1024 ** 2 }),
    atNs: fc.double({ min: 0, max: 1e11, noNaN: true }),
  }),
  { maxLength: 60 },
);

test('every byte is in one cell of its kind, every cell inside the picture, whatever the order of events', () => {
  fc.assert(
    fc.property(writes, (list) => {
      const builder = new FileMapBuilder();
      for (const { kind, offset, length, atNs } of list) builder.write(kind, offset, length, atNs);
      const end = Math.max(1, ...list.map(({ offset, length }) => offset + length));
      const durationNs = Math.max(1, ...list.map(({ atNs }) => atNs)) + 1;
      const map = FileMap.parse(builder.build(durationNs, end));
      for (const kind of ['data', 'l2', 'header']) {
        const written = list.filter((write) => write.kind === kind).reduce((sum, { length }) => sum + length, 0);
        const drawn = map.cells.filter((cell) => cell[2] === kind).reduce((sum, cell) => sum + cell[3], 0);
        assert.equal(drawn, written);
      }
      assert.ok(map.cells.every(([column, row]) => column < map.columns && row < map.rows));
      assert.ok(map.durationNs >= durationNs && map.fileBytes >= end);
    }),
  );
});

test('a write over a border of rows is shared out; syncs are counted with their time', () => {
  const builder = new FileMapBuilder();
  builder.write('data', 65_536 - 512, 1536, 0);
  builder.sync(1_500_000, 300);
  builder.sync(1_600_000, 200);
  const map = builder.build(2e6, 131_072);
  assert.deepEqual(map.cells, [
    [0, 0, 'data', 512],
    [0, 1, 'data', 1024],
  ]);
  assert.deepEqual(map.syncs, [[1, 2, 500]]);
  assert.deepEqual([map.columns, map.rows, map.durationNs, map.fileBytes], [2, 2, 2e6, 131_072]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPERATIONS_PER_CALL, operations, sink } from './operations.ts';
import { microTables, runMicro } from './run.ts';
import { measureWriteInPlace, writeInPlaceLine } from './write-in-place.ts';

test('every operation runs on both layouts at every size, again and again', () => {
  for (const layout of ['packed', 'unpacked'] as const) {
    for (const capacity of [16, 64, 256, 1024]) {
      const list = operations(layout, capacity);
      assert.deepEqual(
        list.map(({ name }) => name),
        ['lookup-hit', 'miss', 'mark-dirty', 'refcount-update', 'l2-decode'],
      );
      const before = sink.value;
      for (const { call } of list) for (let n = 0; n < 20; n++) call();
      assert.ok(sink.value > before + OPERATIONS_PER_CALL);
    }
  }
});

test('samples come from fresh processes, in pairs, with the bytes of an entry measured', () => {
  const seen: string[] = [];
  const results = runMicro(2, [1024], (done, all) => seen.push(`${done}/${all}`));
  assert.deepEqual(seen, ['1/4', '2/4', '3/4', '4/4']);
  assert.equal(results.operations.length, 5);
  for (const { samplesNs, ratio } of results.operations) {
    assert.equal(samplesNs.packed.length, 2);
    assert.ok([...samplesNs.packed, ...samplesNs.unpacked].every((ns) => ns > 0));
    assert.equal(ratio.pairs, 2);
  }
  const { packed, unpacked } = results.entries[0]!.bytesPerEntry;
  // Five fields of 8 + 4 × 4 bytes cannot take less; objects cannot take less than their five fields and a header.
  assert.ok(packed >= 24 && packed < 32, `packed: ${packed}`);
  assert.ok(unpacked > 40 && unpacked < 200, `unpacked: ${unpacked}`);
  assert.ok(microTables(results).some((line) => line.startsWith('lookup-hit ')));
});

test('writes in place are measured with few and with many cached slices, in pairs', () => {
  const result = measureWriteInPlace(2, 16, 64);
  assert.deepEqual(result.slices, [16, 64]);
  for (const samples of result.samplesNs) assert.equal(samples.filter((ns) => ns > 0).length, 2);
  assert.equal(result.ratio.pairs, 2);
  assert.match(writeInPlaceLine(result), /ns with 16 cached slices, .* ns with 64 cached slices; ratio \d/);
});

/** Where policies change places as a sync with work gets slower, against records changed by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunRecord } from '../../results/record.ts';
import { fixtureRecord } from '../testing/fixture-record.ts';
import { crossingsOf, deviceCost, waitsOfCells } from './device-cost.ts';

/** The counts of the recorded installation: writeback syncs more often, and mostly for nothing. */
function installed(change: (record: RunRecord) => void = () => undefined): RunRecord {
  return fixtureRecord((record) => {
    record.cells.splice(1, 1);
    Object.assign(record.cells[0]!.exact!, { fsyncs: 45_258, workingSyncs: 21_715 });
    Object.assign(record.cells[1]!.exact!, { fsyncs: 118_895, workingSyncs: 16_525 });
    change(record);
  });
}

test('a policy with fewer syncs with work and more without is cheaper from some ratio of the two times on', () => {
  const [crossing, ...others] = crossingsOf(waitsOfCells(installed()));
  assert.deepEqual([crossing?.cheaperBefore.cell, crossing?.cheaperAfter.cell], ['legacy', 'writeback']);
  assert.equal(crossing?.ratio, (102_370 - 23_543) / (21_715 - 16_525));
  assert.equal(others.length, 0);
  const words = deviceCost
    .ask(installed())
    ?.words.at(-1)
    ?.replaceAll(/[\u202f\u00a0]/g, ' ');
  assert.match(
    words ?? '',
    /^writeback waits less than legacy where a sync with work takes more than 15\.2× as long as one without/,
  );
});

test('a policy with less of both never crosses', () => {
  const better = installed((record) => {
    Object.assign(record.cells[1]!.exact!, { fsyncs: 20_000, workingSyncs: 16_525 });
  });
  assert.deepEqual(crossingsOf(waitsOfCells(better)), []);
});

test('the sliders begin at the times that the storage was probed to take', () => {
  const probed = installed((record) => {
    record.environment.storageCosts = {
      ...{ syncNs: 142_347, cleanSyncNs: 63_999, growthSyncNs: 0, writeOutPsPerByte: 0, odsyncWriteNs: 0 },
      ...{ writeCallNs: 0, readCallNs: 0, copyPsPerByte: 0 },
    };
  });
  const controls = deviceCost.ask(probed)?.controls ?? [];
  assert.deepEqual(
    controls.map((control) => control.kind === 'range' && control.value),
    [-0.85, -1.2],
  );
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { breakDownCost, type StorageCosts } from './cost-model.ts';

const COSTS: StorageCosts = {
  syncNs: 200_000,
  cleanSyncNs: 50_000,
  growthSyncNs: 800_000,
  writeOutPsPerByte: 2000,
  odsyncWriteNs: 250_000,
  writeCallNs: 1500,
  readCallNs: 1000,
  copyPsPerByte: 100,
};
const COUNTERS = { fsyncs: 10, odsyncWrites: 0, writes: 30, writeBytes: 1_000_000, reads: 5, readBytes: 500_000 };

describe('cost model', () => {
  test('terms by hand, in the order of what a user can act on, and the residual', () => {
    const result = breakDownCost({
      counters: COUNTERS,
      costs: COSTS,
      engineNs: 300_000,
      measuredNs: 10_000_000,
      growingSyncs: 4,
      cleanSyncs: 2,
    });
    assert.deepEqual(Object.fromEntries(result.terms.map(({ name, ns }) => [name, ns])), {
      syncs: 1_600_000,
      'clean syncs': 100_000,
      growth: 3_200_000,
      'durable writes': 0,
      'bytes written out': 2_000_000,
      'write calls': 45_000,
      'read calls': 5000,
      'bytes copied': 150_000,
      engine: 300_000,
    });
    assert.equal(result.modelledNs, 7_400_000);
    assert.equal(result.residualNs, 2_600_000);
    assert.equal(result.residualShare, 0.26);
  });

  test('a run faster than its terms has a negative residual', () => {
    const { residualShare } = breakDownCost({ counters: COUNTERS, costs: COSTS, engineNs: 0, measuredNs: 2_100_000 });
    assert.equal(residualShare, -1);
  });

  test('durable writes are paid once, not as a write and again as a call', () => {
    const counters = { ...COUNTERS, fsyncs: 0, odsyncWrites: 30 };
    const { terms } = breakDownCost({ counters, costs: COSTS, engineNs: 0, measuredNs: 1 });
    const nsOf = (name: string) => terms.find((term) => term.name === name)!.ns;
    assert.equal(nsOf('durable writes'), 7_500_000);
    assert.equal(nsOf('write calls'), 0);
    assert.equal(nsOf('bytes written out'), 2_000_000);
  });

  test('without any sync no byte has reached the device', () => {
    const counters = { ...COUNTERS, fsyncs: 0 };
    const { terms } = breakDownCost({ counters, costs: COSTS, engineNs: 0, measuredNs: 1 });
    assert.equal(terms.find(({ name }) => name === 'bytes written out')!.ns, 0);
  });

  test('times that cannot be are refused by name', () => {
    const input = { counters: COUNTERS, costs: COSTS, engineNs: 0, measuredNs: 1 };
    assert.throws(() => breakDownCost({ ...input, measuredNs: 0 }), /measuredNs 0 is not positive/);
    assert.throws(() => breakDownCost({ ...input, engineNs: -1 }), /engineNs -1/);
    assert.throws(() => breakDownCost({ ...input, costs: { ...COSTS, syncNs: Number.NaN } }), /syncNs NaN/);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectedCoreMs, sequencesIn } from './expected-work.ts';
import type { SafetyPlan } from './safety-plan.ts';

const PLAN: SafetyPlan = {
  ...{ length: 1, clusterSizes: [512], caches: [null], statesPerPoint: 65_536, qemuStates: 0, mutants: 'none' },
  ...{ policies: ['ordered'], tools: { qemuImg: null, qemuIo: null } },
};

test('sequences are counted by what the plan multiplies', () => {
  const one = sequencesIn(PLAN);
  assert.ok(one > 0);
  assert.equal(sequencesIn({ ...PLAN, clusterSizes: [512, 4096], caches: [null, { l2: 2, refcounts: 2 }] }), 4 * one);
  assert.equal(sequencesIn({ ...PLAN, policies: ['ordered', 'reserve'] }), 2 * one);
  assert.ok(sequencesIn({ ...PLAN, length: 2 }) > 5 * one);
});

test('more parts, longer sequences and mutants cost more', () => {
  const [base, parts, longer] = [
    expectedCoreMs(PLAN, 10),
    expectedCoreMs(PLAN, 20),
    expectedCoreMs({ ...PLAN, length: 2 }, 10),
  ];
  const mutants = expectedCoreMs({ ...PLAN, mutants: 'named' }, 10);
  assert.ok(base < parts && base < longer && base < mutants, `${base}, ${parts}, ${longer}, ${mutants}`);
});

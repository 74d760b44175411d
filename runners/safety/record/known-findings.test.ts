/** The defects that QEMU shows are closed under the recommended policies, in the same workloads, and its own row has them. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { toolVersion } from '../../qemu/tools.ts';
import { countFindings, type FindingCount, KNOWN_FINDINGS } from './known-findings.ts';
import { SafetyPlan } from './safety-plan.ts';

const PLAN = SafetyPlan.parse({
  ...{ length: 1, clusterSizes: [512], caches: [null], statesPerPoint: 2, qemuStates: 0, mutants: 'none' },
  ...{ policies: ['ordered', 'reserve'], tools: { qemuImg: null, qemuIo: null } },
});

let counts: readonly FindingCount[];
before(async () => {
  counts = await countFindings(PLAN, new AbortController().signal, [512]);
});

for (const { name, title } of KNOWN_FINDINGS) {
  test(`${name}: ${title}`, () => {
    const [qemu, ...ours] = counts.filter(({ finding }) => finding === name);
    assert.equal(qemu!.who, `QEMU ${toolVersion('qemu-io')}`);
    assert.ok(qemu!.shown > 0, 'QEMU has it');
    assert.deepEqual(
      ours.map(({ who, shown }) => [who, shown]),
      [
        ['ordered', 0],
        ['reserve', 0],
      ],
    );
    assert.ok(ours.every(({ states }) => states > 0));
  });
}

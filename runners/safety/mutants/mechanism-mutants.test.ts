/** Each mistake in a mechanism of `ordered` and `reserve` is found, in a workload that the policy itself survives. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MECHANISM_MUTANTS } from './mechanism-mutants.ts';
import { Hunter } from './mutant-hunt.ts';
import { whyEquivalent } from './mutant-reasons.ts';

/** The quickest workload that shows it. */
const KILLED_IN: Readonly<Record<string, string>> = {
  N1: 'after-snapshot',
  N2: 'allocate',
  N3: 'allocate',
  N4: 'snapshot-delete',
  N5: 'compress',
  N6: 'snapshot-create',
  N7: 'rewrite',
  N8: 'group-commit',
  N9: 'group-commit',
  N10: 'after-snapshot',
  N11: 'drain',
};

for (const policy of ['ordered', 'reserve']) {
  const hunter = new Hunter(
    { policy, stage: null, hostCacheMode: null },
    { statesPerPoint: 4096, seed: 1, repairs: 0 },
  );
  for (const mutant of MECHANISM_MUTANTS) {
    if (whyEquivalent(mutant.name, policy) !== null) continue;
    test(`${mutant.name} under ${policy}: ${mutant.title}`, () => {
      const { kill, verdict } = hunter.hunt(mutant, ({ name }) => name === KILLED_IN[mutant.name]);
      assert.ok(kill !== null, `survives ${KILLED_IN[mutant.name]}`);
      assert.equal(verdict, 'killed');
    });
  }
}

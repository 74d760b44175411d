/** No false kills: what can do no harm is never killed, in any workload that mutants are tested with. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type PolicyName, policyNames } from '../../../engine/index.ts';
import { Hunter, huntedWorkloads } from './mutant-hunt.ts';
import { type AlterationName, alterationNamed, mutantNamed } from './mutants.ts';

const OPTIONS = { statesPerPoint: 4096, seed: 1, repairs: 0 };
/** Of these there is no damage by themselves, in any workload. */
const KEEPS_EVERY_PROMISE: readonly PolicyName[] = ['ordered', 'reserve'];
/** The judge against itself: how the policy caches makes no difference to that, so one that breaks promises and one that keeps them. */
const COMPARED_WITH_THEMSELVES: readonly PolicyName[] = ['legacy', 'ordered'];

function harmlessFor(policy: PolicyName): AlterationName[] {
  return COMPARED_WITH_THEMSELVES.includes(policy) ? ['nothing', 'more syncs'] : ['more syncs'];
}

test('damage to a cluster that has been given to something else by then is still the same damage', () => {
  const hunter = new Hunter({ policy: 'legacy', stage: null, hostCacheMode: null }, OPTIONS);
  const mutant = mutantNamed('no refcount-before-snapshot-table');
  const { kill, workloadsTried } = hunter.hunt(
    mutant,
    ({ name }) => name === 'shared: snapshot-create, snapshot-delete',
  );
  assert.equal(workloadsTried, 1);
  assert.equal(kill, null);
});

for (const policy of policyNames()) {
  describe(`what does no harm to ${policy}`, () => {
    const hunter = new Hunter({ policy, stage: null, hostCacheMode: null }, OPTIONS);

    for (const name of harmlessFor(policy)) {
      test(`${name}: never killed`, () => {
        const { kill, workloadsTried } = hunter.hunt({ name, title: name, ...alterationNamed(name) });
        assert.equal(kill, null);
        assert.equal(workloadsTried, [...huntedWorkloads()].length);
      });
    }

    test('and there is damage that it could have been taken for', () => {
      const unsafe = [...huntedWorkloads()].filter((workload) => hunter.ownSymptoms(workload).length > 0);
      if (KEEPS_EVERY_PROMISE.includes(policy)) assert.deepEqual(unsafe, []);
      else assert.ok(unsafe.length >= 50, `${unsafe.length} workloads in which ${policy} breaks a promise by itself`);
    });
  });
}

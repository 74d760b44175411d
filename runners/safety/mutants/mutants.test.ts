/** The explorer has teeth: each mistake that can do harm is found, and what does none is said with its reason. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ORDERS, type PolicyName, policyNames } from '../../../engine/index.ts';
import { buildNamed, FLUSH, write } from '../requests/build-named.ts';
import { type HuntedWorkload, Hunter, huntedWorkloads } from './mutant-hunt.ts';
import { EQUIVALENCES } from './mutant-reasons.ts';
import { mutantNamed } from './mutants.ts';
import {
  COUNTED_ORDERS,
  HISTORICAL_KILLS,
  isKilled,
  type KnownKill,
  ORDER_KILLS,
  ORDERS_BY_OTHER_NAMES,
  withoutVerdict,
} from './testing/mutant-kills.ts';

const WORKLOADS = [...huntedWorkloads()];

const hunters = new Map<PolicyName, Hunter>();

function hunter(policy: PolicyName): Hunter {
  const options = { statesPerPoint: 4096, seed: 1, repairs: 0 };
  const known = hunters.get(policy) ?? new Hunter({ policy, stage: null, hostCacheMode: null }, options);
  hunters.set(policy, known);
  return known;
}

function isWanted({ workload, clusterSizeBytes = 4096 }: KnownKill, candidate: HuntedWorkload): boolean {
  return candidate.name === workload && candidate.image.clusterSizeBytes === clusterSizeBytes;
}

function assertKilled(row: KnownKill): void {
  const mutant = mutantNamed(row.mutant);
  const { kill, verdict } = hunter(row.policy).hunt(mutant, (candidate) => isWanted(row, candidate));
  assert.ok(kill !== null, `${row.mutant} survives ${row.workload} under ${row.policy}`);
  assert.equal(verdict, mutant.isHistory ? 'present' : 'killed');
  if (!row.isSafeWithout) return;
  for (const workload of WORKLOADS.filter((candidate) => isWanted(row, candidate))) {
    assert.deepEqual(hunter(row.policy).ownSymptoms(workload), [], `${row.policy} alone, ${row.workload}`);
  }
}

describe('mistakes that programs have made', () => {
  for (const row of HISTORICAL_KILLS) test(`${row.mutant} under ${row.policy}`, () => assertKilled(row));
});

describe('each order that is left out', () => {
  for (const row of ORDER_KILLS) test(`${row.mutant} under ${row.policy}: ${row.workload}`, () => assertKilled(row));
});

test('what writes out too little is compared with what writes out enough, and that is safe', () => {
  const { against } = mutantNamed('M11, narrow write-out');
  const row = HISTORICAL_KILLS.find(({ mutant }) => mutant === 'M11, narrow write-out')!;
  for (const workload of WORKLOADS.filter((candidate) => isWanted(row, candidate))) {
    assert.deepEqual(hunter('writeback').ownSymptoms(workload, against), []);
  }
});

describe('refcounts that lag behind a flush are missing where the dirty bit is cleared too early', () => {
  const lazyFlush = {
    name: 'lazy-flush',
    summary: 'lazy refcounts: flushed writes, and the image is closed',
    build: (cluster: number) => ({
      before: [write(0, cluster)],
      during: [write(2 * cluster, cluster), write(4 * cluster, cluster), FLUSH, { op: 'reopen' } as const],
      lazyRefcounts: true,
    }),
  };
  for (const policy of policyNames()) {
    test(`M22 under ${policy}`, () => {
      const workload = buildNamed(lazyFlush, { clusterSizeBytes: 4096, cacheTables: null });
      assert.equal(hunter(policy).kill(mutantNamed('M22'), workload)?.kind, 'corrupt');
      assert.deepEqual(hunter(policy).ownSymptoms(workload), []);
    });
  }
});

describe('the lists are complete', () => {
  // Those of later mechanisms are in `mechanism-mutants.test.ts`.
  for (const policy of policyNames()) {
    test(`under ${policy} each mistake of programs is killed, or makes no difference for a reason`, () => {
      assert.deepEqual(withoutVerdict(policy), []);
    });
  }

  for (const order of ORDERS) {
    test(`${order} is missed somewhere`, () => {
      const name = ORDERS_BY_OTHER_NAMES[order] ?? `no ${order}`;
      assert.notEqual(isKilled(name), COUNTED_ORDERS.includes(order));
    });
  }

  test('M1 to M22 are all there', () => {
    for (let number = 1; number <= 22; number++) mutantNamed(`M${number}`);
  });

  test('every mutant with a reason exists, and makes a difference somewhere', () => {
    for (const { mutants } of EQUIVALENCES) {
      for (const name of mutants) {
        mutantNamed(name);
        if (/^M\d/.test(name) && name !== 'M11') assert.ok(isKilled(name), `${name} is killed nowhere`);
      }
    }
  });
});

describe('what is said to make no difference is not killed', () => {
  const quick = new Set([
    'allocate',
    'after-snapshot',
    'snapshot-create',
    'reuse-compressed',
    'compress',
    'lazy-close',
  ]);
  for (const { policy, mutants } of EQUIVALENCES) {
    for (const name of mutants) {
      test(`${name} under ${policy}`, () => {
        const isQuick = (workload: HuntedWorkload) =>
          quick.has(workload.name) && workload.image.clusterSizeBytes === 1024;
        assert.deepEqual(hunter(policy).hunt(mutantNamed(name), isQuick).kill, null);
      });
    }
  }
});

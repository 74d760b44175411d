/** The explorer has teeth: each mistake that can do harm is found, and what does none is said with its reason. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ORDERS, type Order, type PolicyName } from '../../engine/index.ts';
import { Hunter } from './mutant-hunt.ts';
import { mutantNamed } from './mutants.ts';

const OPTIONS = { statesPerPoint: 4096, seed: 1, repairs: 0 };

/** Mutant, policy, and a workload that shows it. */
const KILLS: [string, PolicyName, string][] = [
  ['M1', 'writeback', 'allocate'],
  ['M2', 'legacy', 'after-snapshot'],
  ['M2', 'writethrough', 'after-snapshot'],
  ['M2', 'writeback', 'shared: alloc, cross-cluster'],
  ['M3', 'legacy', 'allocate'],
  ['M3', 'writeback', 'lazy-copy'],
  ['M5', 'legacy', 'allocate'],
  ['M5', 'writethrough', 'allocate'],
  ['M5', 'writeback', 'allocate'],
  ['M6', 'legacy', 'allocate'],
  ['M6', 'writeback', 'allocate'],
  ['M7', 'legacy', 'reuse-compressed'],
  ['M7', 'writeback', 'after-snapshot'],
  ['M13', 'writeback', 'shared: compressed, flush'],
  ['M19', 'legacy', 'allocate'],
  ['M19', 'writeback', 'after-snapshot'],
  ['M20', 'legacy', 'create'],
  ['M20', 'writeback', 'create'],
  ['M22', 'writeback', 'lazy-close'],
];

/** Where leaving an order out shows, by order. */
const ORDER_KILLS: Partial<Record<Order, [PolicyName, string]>> = {
  'data-before-mapping': ['legacy', 'allocate'],
  'copied-data-before-mapping': ['legacy', 'allocate'],
  'refcounts-before-mapping': ['writeback', 'allocate'],
  'mapping-before-free': ['legacy', 'reuse-compressed'],
  'dereference-before-refcount': ['writeback', 'after-snapshot'],
  'refcount-before-l2-table': ['writeback', 'after-snapshot'],
  'refcount-before-l1-table': ['writeback', 'shared: alloc, resize'],
  'l2-table-before-l1-entry': ['legacy', 'allocate'],
  'refcount-block-before-refcount-table': ['writeback', 'refcount-growth'],
  'refcounts-before-copied-flag': ['writeback', 'shared: snapshot-create, alloc'],
};

/**
 * Orders that no workload shows under a preset, because its policy covers them by another barrier, or breaks a promise there anyway:
 * what leaving them out would add cannot be told from the policy's own fault.
 */
const NOT_SHOWN: readonly Order[] = [
  'refcount-before-snapshot-table',
  'l2-tables-before-refcount-table',
  'refcount-before-refcount-block',
  'snapshot-walk-step',
];

const hunters = new Map<PolicyName, Hunter>();

function hunter(policy: PolicyName): Hunter {
  const known = hunters.get(policy) ?? new Hunter({ policy, stage: null, hostCacheMode: null }, OPTIONS);
  hunters.set(policy, known);
  return known;
}

function assertKilled(mutant: string, policy: PolicyName, workload: string): void {
  const { kill } = hunter(policy).hunt(mutantNamed(mutant), (candidate) => candidate.name === workload);
  assert.ok(kill !== null, `${mutant} survives ${workload} under ${policy}`);
}

describe('mistakes that programs have made', () => {
  for (const [mutant, policy, workload] of KILLS) {
    test(`${mutant} under ${policy}`, () => assertKilled(mutant, policy, workload));
  }
});

describe('each order that is left out', () => {
  for (const order of ORDERS) {
    const kill = ORDER_KILLS[order];
    if (kill !== undefined) test(order, () => assertKilled(`no ${order}`, ...kill));
    else test(`${order}: listed as not shown`, () => assert.ok(NOT_SHOWN.includes(order)));
  }
});

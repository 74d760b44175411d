/**
 * Where each mutant does its harm: a policy, and the quickest workload that shows it. What makes no difference under one policy has
 * a row here for another in which it does.
 */
import type { Order, PolicyName } from '../../../../engine/index.ts';
import { whyEquivalent } from '../mutant-reasons.ts';
import { MUTANTS } from '../mutants.ts';

export interface KnownKill {
  readonly mutant: string;
  readonly policy: PolicyName;
  readonly workload: string;
  /** Default: 4096. */
  readonly clusterSizeBytes?: number;
  /** The policy alone breaks no promise in the workload at all. */
  readonly isSafeWithout?: true;
}

const kill = (mutant: string, policy: PolicyName, workload: string, clusterSizeBytes?: number): KnownKill =>
  clusterSizeBytes === undefined ? { mutant, policy, workload } : { mutant, policy, workload, clusterSizeBytes };

/** The same, of a workload in which the policy without the mutant breaks no promise. */
const safeKill = (...row: Parameters<typeof kill>): KnownKill => ({ ...kill(...row), isSafeWithout: true });

export const HISTORICAL_KILLS: readonly KnownKill[] = [
  safeKill('M1', 'writeback', 'allocate'),
  safeKill('M2', 'writethrough', 'after-snapshot'),
  safeKill('M2', 'writeback', 'lazy-copy'),
  kill('M2', 'legacy', 'after-snapshot'),
  safeKill('M3', 'legacy', 'allocate'),
  safeKill('M3', 'writeback', 'lazy-copy'),
  safeKill('M4', 'writeback', 'eviction-unsynced'),
  safeKill('M5', 'legacy', 'allocate'),
  safeKill('M5', 'writethrough', 'allocate'),
  safeKill('M5', 'writeback', 'allocate'),
  safeKill('M6', 'legacy', 'allocate'),
  safeKill('M6', 'writeback', 'allocate'),
  safeKill('M7', 'legacy', 'reuse-compressed'),
  safeKill('M7', 'writeback', 'after-snapshot'),
  kill('M8', 'legacy', 'snapshot-delete'),
  kill('M8', 'writethrough', 'snapshot-delete'),
  kill('M8', 'writeback', 'snapshot-delete-wide', 512),
  kill('M9', 'legacy', 'snapshot-apply'),
  kill('M9', 'writethrough', 'snapshot-apply'),
  kill('M9', 'writeback', 'snapshot-apply-wide', 512),
  kill('M10', 'legacy', 'snapshot-delete'),
  kill('M10', 'writethrough', 'snapshot-delete'),
  kill('M10', 'writeback', 'snapshot-delete'),
  safeKill('M11, narrow write-out', 'writeback', 'refcount-leap', 512),
  kill('M12', 'writeback', 'snapshot-create'),
  safeKill('M13', 'writeback', 'compress'),
  safeKill('M14', 'legacy', 'create'),
  safeKill('M14', 'writethrough', 'create'),
  safeKill('M14', 'writeback', 'create'),
  kill('M15', 'legacy', 'after-snapshot'),
  safeKill('M15', 'writethrough', 'after-snapshot'),
  safeKill('M15', 'writeback', 'after-snapshot'),
  kill('M16', 'writethrough', 'snapshot-create'),
  kill('M17', 'legacy', 'snapshot-apply'),
  kill('M17', 'writethrough', 'snapshot-apply'),
  kill('M17', 'writeback', 'snapshot-return', 1024),
  kill('M18', 'writeback', 'reuse-compressed'),
  safeKill('M19', 'legacy', 'allocate'),
  safeKill('M19', 'writeback', 'after-snapshot'),
  safeKill('M20', 'legacy', 'create'),
  safeKill('M20', 'writeback', 'create'),
  safeKill('M21', 'writeback', 'compress'),
  safeKill('M22', 'legacy', 'lazy-close'),
  safeKill('M22', 'writethrough', 'lazy-close'),
  safeKill('M22', 'writeback', 'lazy-close'),
  kill('M1', 'modern', 'allocate'),
  kill('M3', 'modern', 'lazy-copy'),
  kill('M4', 'modern', 'eviction-unsynced'),
  kill('M5', 'modern', 'allocate'),
  kill('M6', 'modern', 'allocate'),
  kill('M7', 'modern', 'after-snapshot'),
  kill('M8', 'modern', 'snapshot-delete-wide', 512),
  kill('M9', 'modern', 'snapshot-apply-wide', 512),
  kill('M10', 'modern', 'snapshot-delete'),
  kill('M12', 'modern', 'snapshot-create'),
  kill('M13', 'modern', 'compress'),
  kill('M14', 'modern', 'create'),
  kill('M15', 'modern', 'after-snapshot'),
  kill('M17', 'modern', 'snapshot-return'),
  kill('M18', 'modern', 'reuse-compressed'),
  kill('M19', 'modern', 'allocate'),
  kill('M20', 'modern', 'create'),
  kill('M21', 'modern', 'compress'),
  kill('M22', 'modern', 'lazy-close'),
  ...['ordered', 'reserve'].flatMap((policy) => [
    safeKill('M1', policy, 'reuse-discarded'),
    safeKill('M3', policy, 'lazy-copy'),
    safeKill('M4', policy, 'refcount-growth', 512),
    safeKill('M6', policy, 'allocate'),
    safeKill('M14', policy, 'create'),
    safeKill('M15', policy, 'reuse-compressed'),
    safeKill('M19', policy, 'allocate'),
    safeKill('M20', policy, 'create'),
    safeKill('M21', policy, 'compress'),
  ]),
];

const ORDER_ROWS: readonly [Order, PolicyName, string, number?][] = [
  ['data-before-mapping', 'legacy', 'allocate'],
  ['compressed-data-before-mapping', 'legacy', 'compress'],
  ['copied-data-before-mapping', 'legacy', 'allocate'],
  ['copied-data-before-mapping', 'writeback', 'lazy-copy'],
  ['refcounts-before-mapping', 'writeback', 'allocate'],
  ['mapping-before-free', 'legacy', 'reuse-compressed'],
  ['dereference-before-refcount', 'writeback', 'after-snapshot'],
  ['refcount-before-l2-table', 'writeback', 'after-snapshot'],
  ['refcount-before-l1-table', 'writeback', 'refcount-leap'],
  ['l2-table-before-l1-entry', 'legacy', 'allocate'],
  ['l2-table-before-l1-entry', 'writethrough', 'allocate'],
  ['l2-table-before-l1-entry', 'writeback', 'allocate'],
  ['refcount-block-before-refcount-table', 'writeback', 'refcount-leap', 512],
];

/** What leaving an order out does. */
export const ORDER_KILLS: readonly KnownKill[] = [
  ...ORDER_ROWS.map(([order, ...row]) => safeKill(`no ${order}`, ...row)),
  kill('no refcounts-before-copied-flag', 'writeback', 'snapshot-return'),
  kill('no snapshot-walk-step', 'writeback', 'snapshot-apply-wide', 512),
];

/** Orders that do no more than others under every policy of history. Where they are left out, the reference counts tell. */
export const COUNTED_ORDERS: readonly Order[] = ['l2-tables-before-refcount-table', 'compressed-walk-step'];

/** Orders whose absence is a mutant of another name. */
export const ORDERS_BY_OTHER_NAMES: Partial<Record<Order, string>> = {
  'refcount-before-refcount-block': 'M11, narrow write-out',
  'refcount-before-snapshot-l1': 'M12',
  'refcount-before-snapshot-table': 'M12',
};

/** Whether the mutant is killed somewhere, or under `policy`. */
export function isKilled(mutant: string, policy?: PolicyName): boolean {
  return [...HISTORICAL_KILLS, ...ORDER_KILLS].some(
    (row) => row.mutant === mutant && (policy ?? row.policy) === row.policy,
  );
}

/** The mistakes of programs that are neither killed under `policy` nor said to make no difference; or both. */
export function withoutVerdict(policy: PolicyName): string[] {
  return MUTANTS.map(({ name }) => name)
    .filter((name) => /^M\d/.test(name))
    .filter((name) => isKilled(name, policy) === (whyEquivalent(name, policy) !== null));
}

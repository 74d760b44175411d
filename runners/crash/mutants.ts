/**
 * Deliberate mistakes, one at a time: each must be found by the explorer, or be shown to make no difference. M1 to M22 follow the
 * mistakes that programs of this kind have made; the others leave out one order each.
 */
import { type BlockFile, type CachePolicy, ORDERS, type Order, type PolicyName } from '../../engine/index.ts';
import type { CrashRequest } from './crash-workload.ts';
import { CleanDependencyFile, FailingSyncFile, LateCopyFile, RetryingFile, SyncDroppingFile } from './mutant-files.ts';
import { ForgetfulPolicy, HastyClosePolicy } from './mutant-policy.ts';

/** What a mutant may know while the workload runs. */
export interface MutantRun {
  /** The request being served. */
  op: CrashRequest['op'] | 'open';
}

export interface Mutant {
  readonly name: string;
  readonly title: string;
  /** The policies that it is tried with. */
  readonly policies: readonly PolicyName[];
  readonly decoratePolicy?: (policy: CachePolicy, run: MutantRun) => CachePolicy;
  /** Between the engine and the recording. */
  readonly wrapFile?: (file: BlockFile, run: MutantRun) => BlockFile;
  /** Below the recording: what happens here is recorded as it happened. */
  readonly wrapMemory?: (file: BlockFile, run: MutantRun) => BlockFile;
}

const CACHING: readonly PolicyName[] = ['writeback', 'writethrough'];
const ALL: readonly PolicyName[] = ['legacy', ...CACHING];

const forgets = (...orders: Order[]) => ({
  decoratePolicy: (policy: CachePolicy) => new ForgetfulPolicy(policy, (order) => orders.includes(order)),
});

const HISTORICAL_MUTANTS: readonly Mutant[] = [
  {
    name: 'M1',
    title: 'L2 tables no longer wait for refcounts',
    policies: ['writeback'],
    ...forgets('refcounts-before-mapping'),
  },
  {
    name: 'M2',
    title: 'copied data is written after the L2 table that names it',
    policies: ALL,
    wrapFile: (file) => new LateCopyFile(file),
  },
  {
    name: 'M3',
    title: 'L2 tables no longer wait for copied data',
    policies: ALL,
    ...forgets('copied-data-before-mapping'),
  },
  {
    name: 'M4',
    title: 'no sync behind the write-out of a cache that others depend on, when nothing in it was dirty',
    policies: ['writeback'],
    wrapFile: (file) => new CleanDependencyFile(file),
  },
  {
    name: 'M5',
    title: 'the L1 entry is published before its new L2 table',
    policies: ALL,
    ...forgets('l2-table-before-l1-entry'),
  },
  {
    name: 'M6',
    title: 'a guest flush writes out, but does not sync',
    policies: ALL,
    wrapFile: (file) => new SyncDroppingFile(file, (cause) => cause === 'guest-flush' || cause === 'cache-flush'),
  },
  {
    name: 'M7',
    title: 'refcounts are lowered before the reference is gone',
    policies: ALL,
    ...forgets('dereference-before-refcount', 'mapping-before-free'),
  },
  {
    name: 'M13',
    title: 'a compressed cluster is linked without waiting for its refcount',
    policies: ['writeback'],
    decoratePolicy: (policy, run) =>
      new ForgetfulPolicy(policy, (order) => run.op === 'write-compressed' && order === 'refcounts-before-mapping'),
  },
  {
    name: 'M19',
    title: 'a failed sync is tried again, and the second answer believed',
    policies: ALL,
    wrapMemory: (file) => new FailingSyncFile(file, 2),
    wrapFile: (file) => new RetryingFile(file),
  },
  {
    name: 'M20',
    title: 'a new image is not synced',
    policies: ALL,
    wrapFile: (file, run) => new SyncDroppingFile(file, () => run.op === 'open'),
  },
  {
    name: 'M22',
    title: 'the dirty bit is cleared before the tables are written out',
    policies: ['writeback'],
    decoratePolicy: (policy) => new HastyClosePolicy(policy),
  },
];

/** One for each order: the image code states it, and the policy never hears of it. */
const FORGOTTEN_ORDERS: readonly Mutant[] = ORDERS.map((order) => ({
  name: `no ${order}`,
  title: `the order ${order} is not stated`,
  policies: ALL,
  ...forgets(order),
}));

export const MUTANTS: readonly Mutant[] = [...HISTORICAL_MUTANTS, ...FORGOTTEN_ORDERS];

/** Throws for a name that is not in the list: a defect. */
export function mutantNamed(name: string): Mutant {
  const mutant = MUTANTS.find((candidate) => candidate.name === name);
  if (mutant === undefined) throw new Error(`there is no mutant "${name}"`);
  return mutant;
}

/**
 * Deliberate mistakes, one at a time: each must be found by the explorer, or be shown to make no difference. M1 to M22 follow the
 * mistakes that programs of this kind have made; the others leave out one order each.
 *
 * Some of the mistakes are history's own, so the stages make them anyway. Such a one is tested in reverse: the policy as it
 * is must show damage that a fixed one does not.
 */
import { type CachePolicy, ORDERS, type Order, type PolicyName, policyNamed } from '../../../engine/index.ts';
import type { Alteration, AlteredRun } from '../states/alteration.ts';
import { MECHANISM_MUTANTS } from './mechanism-mutants.ts';
import { punchMoved } from './moved-punch.ts';
import type { Mutant } from './mutant.ts';
import {
  CleanDependencyFile,
  FailingSyncFile,
  LateCopyFile,
  RetryingFile,
  SyncDroppingFile,
  SyncingFile,
} from './mutant-files.ts';
import {
  careless,
  ForgetfulPolicy,
  HastyClosePolicy,
  JoinedHeaderPolicy,
  NarrowBlockPolicy,
  RestatingPolicy,
} from './mutant-policy.ts';
import {
  FailingTableFile,
  LateLoweringFile,
  LostReplacementFile,
  OverlapFile,
  UnownedTablesFile,
} from './mutant-table-files.ts';

/** Puts a policy around the one that a factory makes. */
const around = (wrap: (policy: CachePolicy, run: AlteredRun) => CachePolicy): Alteration => ({
  alterPolicy: (create, run) => (parts) => {
    const setup = create(parts);
    return { ...setup, policy: wrap(setup.policy, run) };
  },
});

const forgets = (...orders: Order[]): Alteration =>
  around((policy) => new ForgetfulPolicy(policy, (order) => orders.includes(order)));

/** Declares another order in place of some, to the same policy and about the same things. */
const insteadOf = (orders: readonly Order[], other: Order): Alteration =>
  around((policy) => inPlaceOf(orders, other, policy));

const inPlaceOf = (orders: readonly (Order | null)[], other: Order, policy: CachePolicy): CachePolicy =>
  new RestatingPolicy(policy, (ordering, inner) =>
    inner.order(orders.includes(ordering.order) ? { ...ordering, order: other } : ordering),
  );

/** Alterations that are no mistakes: faults that a policy must survive, and fixes of mistakes that all stages make. */
const ALTERATIONS = {
  nothing: around((policy) => new ForgetfulPolicy(policy, () => false)),
  'more syncs': { wrapFile: (file) => new SyncingFile(file) },
  'a sync fails': { wrapMemory: (file) => new FailingSyncFile(file, 2) },
  'a refcount block cannot be written': {
    wrapMemory: (file, run) =>
      new FailingTableFile(file, (kind) => kind === 'refcount-block' && run.op === 'snapshot-create'),
  },
  'narrow write-out, other refcounts first': around((policy) =>
    inPlaceOf(['refcount-before-refcount-block'], 'refcount-before-l2-table', new NarrowBlockPolicy(policy)),
  ),
  'fixed M8': { wrapFile: (file, run) => new LateLoweringFile(file, run, 'snapshot-delete') },
  'fixed M9': { wrapFile: (file, run) => new LateLoweringFile(file, run, 'snapshot-apply') },
  'fixed M10': around((policy) => new JoinedHeaderPolicy(policy)),
  'fixed M11': insteadOf(['refcount-before-refcount-block'], 'refcount-before-l2-table'),
  'fixed M12': insteadOf(['refcount-before-snapshot-l1', 'refcount-before-snapshot-table'], 'refcount-before-l1-table'),
  'fixed M17': { wrapFile: (file, run) => new UnownedTablesFile(file, run) },
  'fixed M18': around(
    (policy) =>
      new RestatingPolicy(policy, (ordering, inner) => {
        inner.order(ordering);
        if (ordering.order === 'mapping-before-free') inner.flush();
      }),
  ),
} as const satisfies Record<string, Alteration>;

export type AlterationName = keyof typeof ALTERATIONS;

const HISTORICAL_MUTANTS: readonly Mutant[] = [
  { name: 'M1', title: 'L2 tables no longer wait for refcounts', ...forgets('refcounts-before-mapping') },
  {
    name: 'M2',
    title: 'copied data is written after the L2 table that points to it',
    wrapFile: (file) => new LateCopyFile(file),
  },
  { name: 'M3', title: 'L2 tables no longer wait for copied data', ...forgets('copied-data-before-mapping') },
  {
    name: 'M4',
    title: 'no sync after the write-out of a cache that others depend on, if nothing in it was dirty',
    wrapFile: (file) => new CleanDependencyFile(file),
  },
  { name: 'M5', title: 'the L1 entry is published before its new L2 table', ...forgets('l2-table-before-l1-entry') },
  {
    name: 'M6',
    title: 'a guest flush writes out, but does not sync',
    wrapFile: (file) => new SyncDroppingFile(file, (cause) => cause === 'guest-flush' || cause === 'cache-flush'),
  },
  {
    name: 'M7',
    title: 'refcounts are lowered before the reference is gone',
    ...forgets('dereference-before-refcount', 'mapping-before-free'),
  },
  {
    name: 'M8',
    title: 'deleting a snapshot lowers its refcounts before the snapshot is off the list',
    isHistory: true,
    against: 'fixed M8',
  },
  {
    name: 'M9',
    title: 'going back to a snapshot lowers the refcounts of clusters that the active L1 table still references',
    isHistory: true,
    against: 'fixed M9',
  },
  {
    name: 'M10',
    title: 'offset and size of the snapshot table are published by two writes',
    isHistory: true,
    against: 'fixed M10',
  },
  {
    name: 'M11',
    title: 'a sync, but no write-out of refcounts, before a new refcount block that another one counts',
    isHistory: true,
    against: 'fixed M11',
  },
  {
    name: 'M11, narrow write-out',
    title: 'M11 where only the new block is written out before the pointer to it',
    against: 'narrow write-out, other refcounts first',
    ...around((policy) => new NarrowBlockPolicy(policy)),
  },
  {
    name: 'M12',
    title: 'a sync, but no write-out of refcounts, before a snapshot table or L1 copy',
    isHistory: true,
    against: 'fixed M12',
  },
  {
    name: 'M13',
    title: 'a compressed cluster is linked without waiting for its refcount',
    ...around(
      (policy, run) =>
        new ForgetfulPolicy(policy, (order) => run.op === 'write-compressed' && order === 'refcounts-before-mapping'),
    ),
  },
  {
    name: 'M14',
    title: 'a data cluster and a new refcount block are allocated in the same place',
    wrapFile: (file) => new OverlapFile(file),
  },
  {
    name: 'M15',
    title: 'an L2 entry is changed after its table was written out and is clean again',
    wrapFile: (file) => new LostReplacementFile(file),
  },
  {
    name: 'M16',
    title: 'an error is ignored when the caches are written out at the end of a snapshot walk',
    ...ALTERATIONS['a refcount block cannot be written'],
    against: 'a refcount block cannot be written',
    alterPolicy: (create) => (parts) => {
      const setup = create(parts);
      return setup.snapshotWalk === undefined ? setup : { ...setup, snapshotWalk: careless(setup.snapshotWalk) };
    },
  },
  {
    name: 'M17',
    title: 'going back to a snapshot writes COPIED flags that no longer hold',
    isHistory: true,
    against: 'fixed M17',
  },
  {
    name: 'M18',
    title: 'a freed cluster is reused before its last reference is durably gone',
    isHistory: true,
    against: 'fixed M18',
  },
  {
    name: 'M19',
    title: 'a failed sync is retried, and the second result is trusted',
    ...ALTERATIONS['a sync fails'],
    against: 'a sync fails',
    wrapFile: (file) => new RetryingFile(file),
  },
  {
    name: 'M20',
    title: 'a new image is not synced',
    wrapFile: (file, run) => new SyncDroppingFile(file, () => run.op === 'open'),
  },
  {
    name: 'M21',
    title: 'a cluster is punched out of the file before the reference to it is durably gone',
    aroundRequest: punchMoved,
  },
  {
    name: 'M22',
    title: 'the dirty bit is cleared before the tables are written out',
    ...around((policy) => new HastyClosePolicy(policy)),
  },
];

const WITHIN = ' within ';

/** The image code declares the order, and the policy never hears of it: the policy under examination, or one altered in another way. */
export function orderMutant(order: Order, within?: AlterationName): Mutant {
  const surroundings: Alteration = within === undefined ? {} : ALTERATIONS[within];
  const forgetful = forgets(order);
  return {
    ...surroundings,
    name: `no ${order}${within === undefined ? '' : WITHIN + within}`,
    title: `the order ${order} is not stated`,
    ...(within === undefined ? {} : { against: within }),
    alterPolicy: (create, run) => forgetful.alterPolicy!(surroundings.alterPolicy?.(create, run) ?? create, run),
  };
}

/** Mistakes under the policies of history. */
export const MUTANTS: readonly Mutant[] = [...HISTORICAL_MUTANTS, ...ORDERS.map((order) => orderMutant(order))];

/** The mistakes that can be made under `policy`: those of programs, and those in mechanisms that history does not have. */
export function mutantsOf(policy: PolicyName): readonly Mutant[] {
  const isHistorical = policyNamed(policy).behaviour.snapshots !== 'flipped';
  return isHistorical ? MUTANTS : [...MUTANTS, ...MECHANISM_MUTANTS];
}

/** Throws for a name that is not in the list: a defect. */
export function mutantNamed(name: string): Mutant {
  const [alone, within] = name.split(WITHIN);
  const mutant = [...MUTANTS, ...MECHANISM_MUTANTS].find((candidate) => candidate.name === alone);
  const order = ORDERS.find((candidate) => `no ${candidate}` === alone);
  if (mutant === undefined || (within !== undefined && order === undefined)) throw new Error(`no mutant "${name}"`);
  return within === undefined ? mutant : orderMutant(order!, within as AlterationName);
}

/** A mutant, or the surroundings that one is compared with. */
export function alterationNamed(name: string): Alteration {
  return Object.hasOwn(ALTERATIONS, name) ? ALTERATIONS[name as AlterationName] : mutantNamed(name);
}

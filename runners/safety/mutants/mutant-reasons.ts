/**
 * Why a mutant makes no difference under a policy, and where it does. A survivor that is not in this list is a hole in the explorer,
 * and `mutants.test.ts` fails; so it does when a mutant of the list is killed where it is said to make no difference.
 */
import type { PolicyName } from '../../../engine/index.ts';

export interface Equivalence {
  readonly policy: PolicyName;
  readonly mutants: readonly string[];
  readonly why: string;
}

const EVERY_WRITE_DURABLE = 'every write is durable on return, so there is nothing left for a sync to order or promise';
const TABLES_DURABLE =
  'a table is written out, durably, when it is released: refcounts before the entry is set, and the entry before anything is freed';

/** Under `ordered`, and under `reserve`, which is the same policy with another allocator. */
const ORDERED_EQUIVALENCES: readonly Omit<Equivalence, 'policy'>[] = [
  { mutants: ['M2'], why: 'copied data is merged with what the guest writes, and goes with it in one write' },
  {
    mutants: ['M5', 'no l2-table-before-l1-entry', 'no refcount-before-l2-table', 'no refcount-before-l1-table'],
    why: 'publishing the pointer, or setting the entry, names what must precede it again',
  },
  {
    mutants: ['M7', 'M18', 'no mapping-before-free', 'no dereference-before-refcount'],
    why: 'the allocator keeps freed clusters back until what dropped the reference is durable',
  },
  {
    mutants: [
      'M8',
      'M9',
      'M10',
      'M12',
      'M16',
      'M17',
      'no refcount-before-snapshot-table',
      'no refcount-before-snapshot-l1',
    ],
    why: 'snapshots are taken, applied and deleted by one header write, after all that it names is durable',
  },
  {
    mutants: ['no refcounts-before-copied-flag', 'no snapshot-walk-step', 'no compressed-walk-step'],
    why: 'what a walk changes is named by nothing durable before the header write, or lowered after it is durable',
  },
  {
    mutants: [
      ...['M11', 'M11, narrow write-out', 'no refcount-before-refcount-block'],
      ...['no refcount-block-before-refcount-table', 'no l2-tables-before-refcount-table'],
    ],
    why: 'an epoch writes refcount blocks first, and a barrier precedes the pointers to new ones',
  },
  {
    mutants: ['M13', 'no compressed-data-before-mapping'],
    why: 'the order without a name, about the pinned L2 slice, says the same again',
  },
  {
    mutants: ['M22'],
    why: 'the new L2 table in lazy-close has a barrier after the refcounts; a workload in which it is killed is in `mutants.test.ts`',
  },
];

/** Under `writeback`, and under `modern`, whose caches depend on each other in the same way. */
const DEPENDENT_EQUIVALENCES: readonly Omit<Equivalence, 'policy'>[] = [
  {
    mutants: ['M11', 'no refcount-before-refcount-block'],
    why: 'every refcount block is written out before the pointer to the new one',
  },
  { mutants: ['M16'], why: 'nothing is written out at the end of a walk' },
  {
    mutants: ['no data-before-mapping', 'no compressed-data-before-mapping', 'no mapping-before-free'],
    why: 'it costs nothing: the dependency between the caches, set for the refcounts of the same request, ends with a sync',
  },
  {
    mutants: ['no refcount-before-snapshot-l1', 'no refcount-before-snapshot-table'],
    why: 'the sync writes no refcounts out (M12), and the tables are followed by syncs of their own',
  },
  {
    mutants: ['no l2-tables-before-refcount-table'],
    why: 'the refcount blocks are written out next, after what they depend on',
  },
  {
    mutants: ['no compressed-walk-step'],
    why: 'the step of the L2 table that names the compressed cluster comes next, with a sync that covers it',
  },
];

export const EQUIVALENCES: readonly Equivalence[] = [
  ...['ordered', 'reserve'].flatMap((policy) => ORDERED_EQUIVALENCES.map((one) => ({ ...one, policy }))),
  { policy: 'ordered', mutants: ['N11'], why: 'nothing is counted ahead' },
  {
    policy: 'modern',
    mutants: ['M2'],
    why: 'copied data is merged with what the guest writes, and goes with it in one write',
  },
  {
    policy: 'modern',
    mutants: ['M11, narrow write-out'],
    why: 'the raised refcount is written out, not only synced, before the new refcount block that it is for',
  },
  {
    policy: 'legacy',
    mutants: ['M1', 'M13', 'no refcounts-before-mapping'],
    why: 'refcounts are written immediately, and the sync for the data covers them before the L2 entry is written',
  },
  {
    policy: 'legacy',
    mutants: ['M18', 'M21', 'no dereference-before-refcount'],
    why: 'the sync of mapping-before-free, or of the pointer update, removes the reference durably before anything is freed',
  },
  { policy: 'legacy', mutants: ['M4'], why: 'no cache depends on another, so there is no such sync' },
  {
    policy: 'legacy',
    mutants: ['M11', 'M11, narrow write-out', 'M12'],
    why: 'refcounts are written immediately, so a sync makes them durable',
  },
  {
    policy: 'legacy',
    mutants: ['M16'],
    why: 'refcounts are written last in a walk, so a power cut does the same harm without any error',
  },
  {
    policy: 'legacy',
    mutants: [
      'no refcount-before-l2-table',
      'no refcount-before-l1-table',
      'no refcount-before-snapshot-l1',
      'no refcount-before-snapshot-table',
      'no refcount-before-refcount-block',
    ],
    why: 'the refcount is written immediately, and the new table has a sync of its own before the pointer to it',
  },
  {
    policy: 'legacy',
    mutants: ['no l2-tables-before-refcount-table', 'no refcounts-before-copied-flag'],
    why: 'no L2 table is dirty outside of a walk, and inside one the refcounts come last anyway',
  },
  {
    policy: 'legacy',
    mutants: ['no snapshot-walk-step', 'no compressed-walk-step'],
    why: 'each table that a walk writes is followed by a sync of its own',
  },
  {
    policy: 'writethrough',
    mutants: [
      'M3',
      'M4',
      'M6',
      'M12',
      'M19',
      'M20',
      'no data-before-mapping',
      'no copied-data-before-mapping',
      'no compressed-data-before-mapping',
      'no refcount-before-snapshot-l1',
      'no refcount-before-snapshot-table',
      'no refcount-before-refcount-block',
      'no snapshot-walk-step',
      'no compressed-walk-step',
    ],
    why: EVERY_WRITE_DURABLE,
  },
  {
    policy: 'writethrough',
    mutants: [
      'M1',
      'M7',
      'M11',
      'M11, narrow write-out',
      'M13',
      'M18',
      'M21',
      'no refcounts-before-mapping',
      'no mapping-before-free',
      'no dereference-before-refcount',
      'no refcount-before-l2-table',
      'no refcount-before-l1-table',
      'no l2-tables-before-refcount-table',
    ],
    why: TABLES_DURABLE,
  },
  {
    policy: 'writethrough',
    mutants: ['no refcounts-before-copied-flag'],
    why: 'a walk ends with both caches written out, before the snapshot is published',
  },
  ...['writeback', 'modern'].flatMap((policy) => DEPENDENT_EQUIVALENCES.map((one) => ({ ...one, policy }))),
];

/** Null when nothing explains why `mutant` should survive under `policy`. */
export function whyEquivalent(mutant: string, policy: PolicyName): string | null {
  return EQUIVALENCES.find((one) => one.policy === policy && one.mutants.includes(mutant))?.why ?? null;
}

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

export const EQUIVALENCES: readonly Equivalence[] = [
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
  { policy: 'legacy', mutants: ['M22'], why: 'no table is dirty when the image is closed' },
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
      'M22',
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
  {
    policy: 'writeback',
    mutants: ['M11', 'no refcount-before-refcount-block'],
    why: 'every refcount block is written out before the pointer to the new one',
  },
  { policy: 'writeback', mutants: ['M16'], why: 'nothing is written out at the end of a walk' },
  {
    policy: 'writeback',
    mutants: ['no data-before-mapping', 'no compressed-data-before-mapping', 'no mapping-before-free'],
    why: 'it costs nothing: the dependency between the caches, set for the refcounts of the same request, ends with a sync',
  },
  {
    policy: 'writeback',
    mutants: ['no refcount-before-snapshot-l1', 'no refcount-before-snapshot-table'],
    why: 'the sync writes no refcounts out (M12), and the tables are followed by syncs of their own',
  },
  {
    policy: 'writeback',
    mutants: ['no l2-tables-before-refcount-table'],
    why: 'the refcount blocks are written out next, after what they depend on',
  },
];

/** Null when nothing explains why `mutant` should survive under `policy`. */
export function whyEquivalent(mutant: string, policy: PolicyName): string | null {
  return EQUIVALENCES.find((one) => one.policy === policy && one.mutants.includes(mutant))?.why ?? null;
}

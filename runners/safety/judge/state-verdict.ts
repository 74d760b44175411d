/** What can be wrong with a crash state, and sums of it. */

/**
 * `corrupt`: the checker finds corruption, or the image cannot be read. `lost`: a sector that was durable reads as zeros or as
 * something older. `foreign`: a sector reads as data of another place. `snapshot`: the list of snapshots or the content of one
 * is not what it may be. `secondPhase`: opened again and written to, the image becomes corrupt or changes elsewhere.
 * `repair`: a repair changes what the guest reads, or leaves damage. `copiedShared`: COPIED is set on a cluster with several
 * references, so that the next write in place changes another owner's content. `copiedOnly`: COPIED flags and refcounts disagree in the
 * harmless directions (a flag is missing, or a refcount is too high); counted, not a violation.
 */
export const FINDING_CLASSES = [
  'corrupt',
  'lost',
  'foreign',
  'snapshot',
  'secondPhase',
  'repair',
  'copiedShared',
  'copiedOnly',
] as const;
export type FindingClass = (typeof FINDING_CLASSES)[number];

export interface Finding {
  /** One line, in words. */
  readonly reason: string;
  /** The value that a guest sector reads though it must not; null where it is not about one. */
  readonly value: number | null;
}

/** The first finding of each class; a class that is absent was not found. */
export type StateFindings = Partial<Record<FindingClass, Finding>>;

/** A finding without what differs from state to state: two states with the same symptom are wrong in the same way. */
export interface Symptom {
  readonly kind: FindingClass;
  /** What is wrong, without offsets. */
  readonly what: string;
  /** The cluster or table that the checker complains about, in bytes; null where it is not about one. */
  readonly offset: number | null;
}

export interface StateVerdict {
  readonly findings: StateFindings;
  /** Everything wrong with the state, where `findings` has the first of each class. */
  readonly symptoms: readonly Symptom[];
  readonly leaks: number;
}

export function isViolation(kind: FindingClass): boolean {
  return kind !== 'copiedOnly';
}

export function isViolated(counts: Readonly<Record<FindingClass, number>>): boolean {
  return FINDING_CLASSES.some((kind) => isViolation(kind) && counts[kind] > 0);
}

export function noFindings(): Record<FindingClass, number> {
  return Object.fromEntries(FINDING_CLASSES.map((kind) => [kind, 0])) as Record<FindingClass, number>;
}

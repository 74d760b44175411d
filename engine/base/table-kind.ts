/** The parts of an image file: what a read or write touches, and what an error is about. */

/** What a read or write touches. `cow` is guest data copied by copy-on-write, `data` is what the guest wrote. */
export const TABLE_KINDS = [
  'header',
  'refcount-table',
  'refcount-block',
  'l1',
  'l2',
  'data',
  'cow',
  'snapshot-table',
] as const;
/** A part of an image file: one of {@link TABLE_KINDS}. */
export type TableKind = (typeof TABLE_KINDS)[number];

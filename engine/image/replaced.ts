import type { CachedTable } from '../cache/cached-table.ts';
import type { HostRange } from './geometry.ts';

/** Host ranges that the L2 entries of a slice have just ceased to name. */
export interface Replaced {
  readonly ranges: readonly HostRange[];
  readonly slice: CachedTable;
}

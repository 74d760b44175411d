/** The points of the story, in the order in which the page tells them. */
import type { Point } from '../point.ts';
import { afterSnapshot } from './after-snapshot.ts';
import { bytesWritten } from './bytes-written.ts';
import { cacheLayout } from './cache-layout.ts';
import { evictions } from './evictions.ts';
import { flushPrice } from './flush-price.ts';
import { installation } from './installation.ts';
import { owedBarrier } from './owed-barrier.ts';
import { smallWrites } from './small-writes.ts';
import { snapshotPrice } from './snapshot-price.ts';
import { staleTables } from './stale-tables.ts';

export const POINTS: readonly Point[] = [
  installation,
  flushPrice,
  smallWrites,
  afterSnapshot,
  owedBarrier,
  bytesWritten,
  snapshotPrice,
  staleTables,
  evictions,
  cacheLayout,
];

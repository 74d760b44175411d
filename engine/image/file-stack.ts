/**
 * What the operations of an open image pass through on their way to its files, each layer with one duty: numbers that say what is
 * durable, the seal, the record of what was attempted, the guard against overlaps, the end of stale tables, one sync for both files.
 */
import { StaleTables } from '../cache/stale-tables.ts';
import type { BlockFile } from '../io/block-file.ts';
import { type DurableFile, trackDurability } from '../io/durability.ts';
import { AttemptedWrites } from './attempted-writes.ts';
import { SyncTogether } from './data-file.ts';
import { type OverlapCheck, OverlapGuard } from './overlap.ts';
import { Seal, SealedFile } from './sealed-file.ts';

export interface FileStack {
  readonly file: DurableFile;
  readonly dataFile: DurableFile | null;
  readonly seal: Seal;
  readonly attempts: AttemptedWrites;
  readonly guard: OverlapGuard;
  readonly staleTables: StaleTables;
}

export function stackFiles(
  imageFile: BlockFile,
  dataFile: BlockFile | null,
  overlapCheck: OverlapCheck,
  clusterBytes: number,
): FileStack {
  const seal = new Seal();
  const sealedData = dataFile === null ? null : new SealedFile(dataFile, seal);
  const both = sealedData === null ? imageFile : new SyncTogether(imageFile, sealedData);
  const staleTables = new StaleTables(both, clusterBytes);
  const guard = new OverlapGuard(staleTables, overlapCheck, seal);
  const attempts = new AttemptedWrites(guard);
  const { image, dataFile: data } = trackDurability(new SealedFile(attempts, seal), sealedData);
  return { file: image, dataFile: data, seal, attempts, guard, staleTables };
}

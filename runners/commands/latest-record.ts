/** `latest` in place of a record: the newest of the record store. */
import path from 'node:path';
import { storedFiles } from '../../results/store.ts';
import { UsageError } from '../console/errors.ts';
import { PROJECT_ROOT } from '../console/project-root.ts';

export const LATEST = 'latest';

/** The file that `place` names; runs begin with the moment of their start. Throws UsageError where there is no record yet. */
export function recordNamed(place: string, root = path.join(PROJECT_ROOT, 'results/runs')): string {
  if (place !== LATEST) return place;
  const newest = storedFiles(root).toSorted((a, b) => (path.basename(a) < path.basename(b) ? 1 : -1))[0];
  if (newest === undefined) throw new UsageError(`${LATEST}: no record below ${root}; cowbench bench makes one`);
  return newest;
}

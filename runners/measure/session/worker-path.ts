/**
 * Where a state of this program keeps its sample worker: `cowbench.worker` of its package.json. Commits are compared across moves of
 * files, so the path is asked of each commit.
 */
import { z } from 'zod';

/** Where it was before package.json said so. */
const FIRST_PLACE = 'runners/sample/worker.ts';

/** A path below the program's root: no way out of it. */
const Place = z
  .string()
  .max(256)
  .regex(/^(?:[\w-]+\/)*[\w.-]+\.[jt]s$/);
const Package = z.object({ cowbench: z.object({ worker: Place }) });

/** The worker's path below the root of the program with this package.json; null: it has none that can be read. */
export function workerPath(packageJson: string | null): string {
  try {
    return Package.parse(JSON.parse(packageJson ?? '')).cowbench.worker;
  } catch {
    return FIRST_PLACE;
  }
}

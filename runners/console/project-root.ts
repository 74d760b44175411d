import { createRequire } from 'node:module';
import path from 'node:path';

/** The root of this program: of the checkout, or of what was built for an installed package. */
export const PROJECT_ROOT = path.resolve(import.meta.dirname, '../..');

/** True for an installed package, which is compiled, and false for a checkout. */
export const IS_INSTALLED = import.meta.filename.endsWith('.js');

/** Where results go by default: below the checkout, wherever it is called from; an installed package is not theirs, so here. */
export const RESULTS_ROOT = IS_INSTALLED ? process.cwd() : PROJECT_ROOT;

/** The command that brings pg-boss, which only a queue of jobs needs. */
export const QUEUE_INSTALL = IS_INSTALLED ? 'npm install pg-boss' : 'npm run fleet:install';

/** The file of pg-boss that is loaded; null where it is not installed. */
export function queueLibrary(): string | null {
  try {
    // From there up: also a project that has this program and pg-boss.
    return createRequire(path.join(PROJECT_ROOT, 'queue-library/package.json')).resolve('pg-boss');
  } catch {
    return null;
  }
}

import path from 'node:path';

/** The root of this program: of the checkout, or of what was built for an installed package. */
export const PROJECT_ROOT = path.resolve(import.meta.dirname, '../..');

/** True for an installed package, which is compiled, and false for a checkout. */
export const IS_INSTALLED = import.meta.filename.endsWith('.js');

/** Where results go by default: below the checkout, wherever it is called from; an installed package is not theirs, so here. */
export const RESULTS_ROOT = IS_INSTALLED ? process.cwd() : PROJECT_ROOT;

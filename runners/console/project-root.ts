import path from 'node:path';

/** The root of this project. */
export const PROJECT_ROOT = path.resolve(import.meta.dirname, '../..');

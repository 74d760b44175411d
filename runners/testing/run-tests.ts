/**
 * Runs every test file of the repository (or those whose path contains an argument) and fails when none is found:
 * a test runner that finds nothing and exits 0 has silently tested nothing.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

const filters = process.argv.slice(2);
const folders = ['engine', 'workloads', 'runners', 'results', 'dashboards'];
const files = folders
  .flatMap((folder) => globSync(`${folder}/**/*.test.ts`))
  .concat(globSync('*.test.ts'))
  .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${filters.join(' ') || '*.test.ts'}`);
  process.exit(1);
}
const run = spawnSync(process.execPath, ['--test', '--test-concurrency=2', ...files], { stdio: 'inherit' });
process.exit(run.status ?? 1);

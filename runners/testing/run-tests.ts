/**
 * Runs every test file of the repository, or those whose path contains an argument, and fails when none is found: a test runner
 * that finds nothing and exits 0 has silently tested nothing. Without a program that tests run, what needs it is left out, and the
 * end says how much; where `CI` is set a missing program is a failure.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import path from 'node:path';
import { installCommand, testTools } from './tools.ts';

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

const tools = testTools();
const { missing } = tools;
const isStrict = (process.env.CI ?? '') !== '';
if (missing.length > 0) {
  console.error(`not installed: ${missing.join(', ')}; what brings them: ${installCommand(missing, tools)}`);
  if (isStrict) {
    console.error('CI is set, so that nothing may be left out');
    process.exit(1);
  }
}

const beside = (file: string) => path.join(import.meta.dirname, file);
/** Many times what the longest test takes: one that waits for what never comes fails by name, and the others are still run. */
const LIMIT_MS = 900_000;
const words = [
  `--test-timeout=${LIMIT_MS}`,
  ...['--test', '--test-concurrency=2', '--test-reporter=spec', '--test-reporter-destination=stdout'],
  ...[`--test-reporter=${beside('left-out-reporter.ts')}`, '--test-reporter-destination=stderr'],
  ...(missing.length === 0 ? [] : [`--import=${beside('leave-out.ts')}`]),
];
const run = spawnSync(process.execPath, [...words, ...files], { stdio: 'inherit' });
process.exit(run.status ?? 1);

/**
 * Runs every test file of the repository, or those whose path contains an argument, and fails when none is found: a test runner
 * that finds nothing and exits 0 has silently tested nothing. Without a program that tests run, what needs it is left out, and the
 * end says how much; where `CI` is set a missing program is a failure.
 */
import { globSync } from 'node:fs';
import path from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { inOrder } from './slow-files.ts';
import summary from './summary-reporter.ts';
import { installCommand, testTools } from './tools.ts';

const filters = process.argv.slice(2);
const folders = ['engine', 'workloads', 'runners', 'results', 'dashboards'];
const files = folders
  .flatMap((folder) => globSync(`${folder}/**/*.test.ts`))
  .concat(globSync('*.test.ts'))
  .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)));
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

/** Many times what the longest test takes: one that waits for what never comes fails by name, and the others are still run. */
const LIMIT_MS = 900_000;
/** Code of the hundreds of processes that tests start is compiled once. */
process.env.NODE_COMPILE_CACHE ??= path.join(PROJECT_ROOT, 'node_modules/.cache/cowbench-tests');

const leaveOut = path.join(import.meta.dirname, 'leave-out.ts');
const events = run({
  files: inOrder(files).map((file) => path.resolve(file)),
  ...{ concurrency: 2, timeout: LIMIT_MS },
  execArgv: [`--test-timeout=${LIMIT_MS}`, ...(missing.length === 0 ? [] : [`--import=${leaveOut}`])],
});
events.on('test:fail', () => (process.exitCode = 1));
events.compose(new spec()).pipe(process.stdout);
events.compose(summary).pipe(process.stderr);

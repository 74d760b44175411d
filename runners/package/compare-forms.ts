/**
 * `npm run compare:package`: this checkout and the package built from it, in one interleaved run. Counts must be equal; times are
 * compared in pairs. Takes the options of `cowbench compare`.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import yargs from 'yargs';
import { benchPlans } from '../commands/bench-plans.ts';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { describeSource } from '../machine/source.ts';
import { comparisonPlan, withPatience, withWorkload } from '../measure/commits/compare-plan.ts';
import { withBenchOptions } from '../measure/plan/bench-options.ts';
import { planOf } from '../measure/plan/plan-options.ts';
import { buildPackage, DIST } from './build.ts';
import { linkPackages } from './linked-project.ts';

const words = process.argv.slice(2);
const options = withBenchOptions(yargs(words)).default('workload', undefined).parseSync();
const plan = withPatience(planOf(withWorkload(options), words), options);
await buildPackage();
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
try {
  const root = path.join(linkPackages(folder), 'dist');
  fs.cpSync(DIST, root, { recursive: true });
  const commit = describeSource().commit ?? 'unversioned';
  const checkout = { commit, revision: 'checkout', root: PROJECT_ROOT };
  await benchPlans([comparisonPlan(plan, checkout, { commit, revision: 'package', root })], options);
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}

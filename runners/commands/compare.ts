/** `cowbench compare BASE HEAD`: did a commit change anything? */
import type { CommandModule } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { LOOKS } from '../../results/comparison-schedule.ts';
import { EXIT_CODES } from '../console/errors.ts';
import { COMMIT_WORKLOAD, comparisonPlan, withPatience, withWorkload } from '../measure/commits/compare-plan.ts';
import { refuseDirty, resolveRevision } from '../measure/commits/git.ts';
import { regressions } from '../measure/commits/regressions.ts';
import { TREES_TEXT } from '../measure/commits/tree-cache.ts';
import { sourceTree } from '../measure/commits/worktrees.ts';
import { type BenchOptions, planOf, withBenchOptions } from '../measure/plan/plan-options.ts';
import { benchPlans } from './bench.ts';

const STOPPING =
  `Without --rounds the verdicts are looked at after ${LOOKS.join(', ')} rounds: it ends when all are beyond doubt, or with ` +
  'the time budget, here 10m by default. The intervals are so wide that all looks together are right 95 times in 100.';

export const compare: CommandModule<object, BenchOptions> = {
  command: 'compare <base> <head>',
  describe: 'measure two commits of this program in one interleaved run: counts first, then times in pairs',
  builder: (yargs) =>
    withBenchOptions(yargs)
      .positional('base', { type: 'string', describe: 'the commit to compare with', demandOption: true })
      .positional('head', { type: 'string', describe: 'the commit to judge', demandOption: true })
      .default('workload', undefined, COMMIT_WORKLOAD.join(' --data '))
      .epilogue(`${STOPPING}\n\n${TREES_TEXT}`)
      .example('$0 compare main HEAD', 'the checked-out commit against main')
      .example('$0 compare HEAD~1 HEAD --rounds 1 --device model:nvme-plp', 'counts only, without waiting for a disk'),
  handler: async (options) => {
    const words = hideBin(process.argv);
    const [base, head] = [resolveRevision(String(options.base)), resolveRevision(String(options.head))];
    refuseDirty([base, head]);
    const plan = withPatience(planOf(withWorkload(options), words), options);
    const tell = (line: string) => {
      if (options.quiet !== true) console.error(line);
    };
    const both = comparisonPlan(plan, sourceTree(base, tell), sourceTree(head, tell));
    const outcomes = await benchPlans([both], options);
    const worse = outcomes.flatMap(({ record }) => regressions(record.comparisons ?? []));
    for (const line of worse) console.error(`regression: ${line}`);
    if (worse.length > 0) process.exitCode ??= EXIT_CODES.finding;
  },
};

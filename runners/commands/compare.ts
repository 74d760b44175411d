/** `cowbench compare BASE HEAD`: did a commit change anything, of this program or of another engine? */
import type { CommandModule } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { LOOKS } from '../../results/comparison-schedule.ts';
import { EXIT_CODES } from '../console/errors.ts';
import {
  COMMIT_WORKLOAD,
  comparisonPlan,
  engineComparison,
  withPatience,
  withWorkload,
} from '../measure/commits/compare-plan.ts';
import { contentBytes, refuseDirty, resolveRevision } from '../measure/commits/git.ts';
import { regressions } from '../measure/commits/regressions.ts';
import { TREES_TEXT, treesWords } from '../measure/commits/tree-cache.ts';
import { sourceTree } from '../measure/commits/worktrees.ts';
import { type BenchOptions, withBenchOptions } from '../measure/plan/bench-options.ts';
import { looksLikeEngine } from '../measure/plan/engines.ts';
import type { BenchPlan } from '../measure/plan/plan.ts';
import { matrixPlan } from '../measure/plan/sweep.ts';
import { formatOf } from '../measure/session/present.ts';
import { benchPlans } from './bench-plans.ts';

const STOPPING = `Without --rounds, verdicts are checked after ${LOOKS.join(', ')} rounds, until all are settled.`;

/** The engines are the two that are compared. */
const REFUSED = ['engine'];

export const compare: CommandModule<object, BenchOptions> = {
  command: 'compare <base> <head>',
  describe: 'compare two commits of this program, or two engines, in one interleaved run',
  builder: (yargs) =>
    withBenchOptions(yargs, REFUSED)
      .positional('base', {
        type: 'string',
        describe: 'commit, or engine: qemu, qemu=DIR, nbd:COMMAND, to compare with',
        demandOption: true,
      })
      .positional('head', { type: 'string', describe: 'commit or engine to judge', demandOption: true })
      .option('time-budget', { defaultDescription: '10m' })
      .default('workload', undefined, COMMIT_WORKLOAD.join(' --data '))
      .epilogue(STOPPING)
      .epilogue(TREES_TEXT)
      .example('$0 compare main HEAD', 'the checked-out commit against main')
      .example('$0 compare HEAD~1 HEAD --rounds 1 --device model:nvme-plp', 'counts only, without waiting for a disk'),
  handler: async (options) => {
    const both = [options.base, options.head].some((side) => looksLikeEngine(String(side)))
      ? enginesPlan(options)
      : commitsPlan(options);
    const outcomes = await benchPlans([both], options);
    const worse = outcomes.flatMap(({ record }) => regressions(record.comparisons ?? []));
    for (const line of worse) console.error(`regression: ${line}`);
    if (worse.length > 0) process.exitCode ??= EXIT_CODES.finding;
  },
};

function enginesPlan(options: BenchOptions): BenchPlan {
  const words = hideBin(process.argv);
  const of = (engine: unknown) => withPatience(matrixPlan({ ...withWorkload(options), engine }, words), options);
  return engineComparison(of(String(options.base)), of(String(options.head)));
}

function commitsPlan(options: BenchOptions): BenchPlan {
  const [base, head] = [resolveRevision(String(options.base)), resolveRevision(String(options.head))];
  refuseDirty([base, head]);
  const plan = withPatience(matrixPlan(withWorkload(options), hideBin(process.argv)), options);
  const tell = (line: string) => {
    if (options.quiet !== true) console.error(line);
  };
  const sides = new Set([base.tree, head.tree]);
  if (formatOf(options) !== 'json') tell(`expected: ${treesWords(sides.size, contentBytes(head.commit))}`);
  return comparisonPlan(plan, sourceTree(base, tell), sourceTree(head, tell));
}

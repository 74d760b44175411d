/** `cowbench demo`: a first look, which needs no choice and ends in an open report. */
import type { CommandModule } from 'yargs';
import yargs from 'yargs';
import { wrapped } from '../console/columns.ts';
import { value } from '../console/help-page.ts';
import { openInBrowser } from '../console/open-in-browser.ts';
import { stdoutTerminal } from '../console/terminal.ts';
import { withBenchOptions } from '../measure/plan/bench-options.ts';
import { planOf } from '../measure/plan/plan-options.ts';
import { benchPlans } from './bench-plans.ts';

/** Small enough for about ten seconds on an ordinary disk, large enough that the policies differ. */
const RUN = 'bench --workload install-burst --data 2M --rounds 1 --quiet';

interface DemoOptions {
  readonly open: boolean;
  readonly dir: string | undefined;
  readonly out: string | undefined;
}

export const demo: CommandModule<object, DemoOptions> = {
  command: 'demo',
  describe: 'take a first look: a small run in about ten seconds, and its report in the browser',
  builder: (parser) =>
    parser
      .option('open', { type: 'boolean', default: true, describe: 'open the report in a browser' })
      .option('dir', { ...value('DIR'), describe: 'existing directory for the images [default: as for bench]' })
      .option('out', { ...value('DIR'), describe: 'root of the record store [default: results/runs]' })
      .example('$0 demo', 'what five policies cost during a small installation')
      .example('$0 demo --no-open', 'only print where the report is'),
  handler: async ({ open, dir, out }) => {
    const { width } = stdoutTerminal();
    const print = (text: string) => console.log(wrapped(text, width).join('\n'));
    print('Installs a small guest under each policy, twice: about ten seconds (more on a slow disk), 30 MB of disk.');
    console.log(`The same as: cowbench ${RUN}\n`);
    const places = Object.entries({ dir, out }).flatMap(([name, place]) =>
      place === undefined ? [] : [`--${name}`, place],
    );
    const words = [...RUN.split(' '), ...places];
    const options = withBenchOptions(yargs(words.slice(1))).parseSync();
    const [outcome] = await benchPlans([planOf(options, words)], options);
    if (outcome === undefined || outcome.error !== null || outcome.record.status !== 'complete') return;
    const report = outcome.recordFile.replace(/\.json$/, '.html');
    const problem = open ? await openInBrowser(report) : null;
    if (problem !== null) console.log(`\nOpen the report in a browser (${problem}): ${report}`);
    const next =
      'Next: cowbench bench --workload install (a recorded Debian installation), cowbench policies, cowbench --help';
    console.log('');
    print(next);
  },
};

/** `cowbench site`: a static site from the store. */
import path from 'node:path';
import type { CommandModule } from 'yargs';
import { value } from '../console/help-page.ts';
import { single } from '../console/option-values.ts';
import { RESULTS_ROOT } from '../console/project-root.ts';

interface SiteOptions {
  readonly from: string;
  readonly out: string;
  readonly quiet: boolean | undefined;
}

export const site: CommandModule<object, SiteOptions> = {
  command: 'site',
  describe: 'build a static site from records: a dashboard, and the report of every run',
  builder: (yargs) =>
    yargs
      .option('from', {
        ...value('PATH'),
        default: path.join(RESULTS_ROOT, 'results', 'runs'),
        defaultDescription: 'results/runs',
        describe: 'a record, or a folder of records',
      })
      .option('out', {
        ...value('DIR'),
        default: path.join(RESULTS_ROOT, 'site'),
        defaultDescription: 'site',
        describe: 'directory to write; existing files of the same names are replaced',
      })
      .option('quiet', { type: 'boolean', describe: 'do not list the pages' })
      .example('$0 site --out public', 'for a static host')
      .example('$0 site --from runs-of-ci --out public', 'from records collected elsewhere'),
  handler: async ({ from, out, quiet }) => {
    // Loaded only now: charts need large libraries.
    const { buildSite } = await import('../site/build-site.ts');
    const { index, runs, unreadable } = await buildSite({
      from: single('from', from),
      out: single('out', out),
      tell: (line) => {
        if (quiet !== true) console.log(line);
      },
    });
    for (const line of unreadable) console.error(`left out: ${line}`);
    console.log(`site: ${index} (${runs} ${runs === 1 ? 'run' : 'runs'})`);
  },
};

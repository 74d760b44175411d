/** `cowbench site`: a static site from the store. */
import path from 'node:path';
import type { CommandModule } from 'yargs';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { single } from '../console/option-values.ts';
import { RESULTS_ROOT } from '../console/project-root.ts';
import { openStore } from '../stores/open-store.ts';

interface SiteOptions {
  readonly from: string | undefined;
  readonly store: string | undefined;
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
        describe: 'a record, or a folder of records [default: results/runs]',
      })
      .option('store', {
        ...value('ADDRESS'),
        describe: 'the runs of all machines in a database instead, postgres://…',
      })

      .option('out', {
        ...value('DIR'),
        default: path.join(RESULTS_ROOT, 'site'),
        defaultDescription: 'site',
        describe: 'directory to write; existing files of the same names are replaced',
      })
      .option('quiet', { type: 'boolean', describe: 'do not list the pages' })
      .example('$0 site --out public', 'for a static host')
      .example('$0 site --from runs-of-ci --out public', 'from records collected elsewhere')
      .example('$0 site --store postgres://db.example/cowbench', 'of a fleet: machines, storages, commits')
      .epilogue(
        'Pages show the newest 500 runs; runs-N.html list all of them. Of the newest 1000 runs there is a report, of older ones the record. ' +
          'What the filters of a page are set to is in its URL.',
      ),
  handler: async ({ from, store: place, out, quiet }) => {
    if (from !== undefined && place !== undefined) throw new UsageError('--from and --store cannot be combined');
    // Loaded only now: charts need large libraries.
    const { buildSite } = await import('../site/build-site.ts');
    const { recordsBelow, recordsOf } = await import('../site/stored-records.ts');
    await using store = place === undefined ? null : await openStore(single('store', place));
    const folder = from === undefined ? path.join(RESULTS_ROOT, 'results', 'runs') : single('from', from);
    const { index, runs, unreadable } = await buildSite({
      records: store === null ? recordsBelow(folder) : recordsOf(store),
      out: single('out', out),
      tell: (line) => {
        if (quiet !== true) console.log(line);
      },
    });
    for (const line of unreadable) console.error(`left out: ${line}`);
    console.log(`site: ${index} (${runs} ${runs === 1 ? 'run' : 'runs'})`);
  },
};

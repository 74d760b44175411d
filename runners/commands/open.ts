/** `cowbench open`: the report of a run in the browser, rebuilt where it is missing. */
import fs from 'node:fs';
import type { CommandModule } from 'yargs';
import { readRecord, writeWhole } from '../../results/store.ts';
import { value } from '../console/help-page.ts';
import { openInBrowser } from '../console/open-in-browser.ts';
import { fileLink, stdoutTerminal } from '../console/terminal.ts';
import { LATEST, recordNamed } from './latest-record.ts';

interface OpenOptions {
  readonly record: string;
  readonly runs: string | undefined;
}

export const open: CommandModule<object, OpenOptions> = {
  command: 'open [record]',
  describe: 'open the report of a run in the browser',
  builder: (yargs) =>
    yargs
      .positional('record', { type: 'string', default: LATEST, describe: 'a record written by bench, or latest' })
      .option('runs', { ...value('DIR'), describe: 'root of the record store [default: results/runs]' })
      .example('$0 open', 'the newest run')
      .example('$0 open results/runs/M/C/RUN.json', 'one of them'),
  handler: async ({ record: named, runs }) => {
    const recordFile = recordNamed(named, runs);
    const record = readRecord(recordFile);
    const report = recordFile.replace(/(\.json)?$/, '.html');
    if (!fs.existsSync(report)) {
      const { renderReport } = await import('../../dashboards/index.ts');
      writeWhole(report, await renderReport(record));
    }
    console.log(`report: ${fileLink(report, stdoutTerminal())}`);
    const problem = await openInBrowser(report);
    if (problem !== null) console.log(`open it in a browser: ${problem}`);
  },
};

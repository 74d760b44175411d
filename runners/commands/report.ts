/** `cowbench report RECORD`: the HTML report of an earlier run. */
import type { CommandModule } from 'yargs';
import { readRecord, writeWhole } from '../../results/store.ts';
import { single } from '../option-values.ts';

export const report: CommandModule<object, { record: string; out: string | undefined }> = {
  command: 'report <record>',
  describe: 'build the HTML report of a record again',
  builder: (yargs) =>
    yargs
      .positional('record', { type: 'string', describe: 'a record written by bench', demandOption: true })
      .option('out', {
        type: 'string',
        requiresArg: true,
        describe: 'file to write [default: the record with .html in place of .json]',
      })
      .example('$0 report results/runs/M/C/RUN.json --out report.html', 'a report to publish'),
  handler: async ({ record: recordFile, out }) => {
    const record = readRecord(recordFile);
    const { renderReport } = await import('../../dashboards/index.ts');
    const file = out === undefined ? recordFile.replace(/(\.json)?$/, '.html') : single('out', out);
    writeWhole(file, await renderReport(record));
    console.log(`report: ${file}`);
  },
};

/** `cowbench history`: what each commit of the cache's history bought, and what it made worse, as one report. */

import path from 'node:path';
import type { CommandModule } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { findings } from '../../dashboards/text/summary.ts';
import { writeWhole } from '../../results/store.ts';
import { EXIT_CODES } from '../console/errors.ts';
import { Interruption } from '../console/interruption.ts';
import { type OptionText, single } from '../console/option-values.ts';
import { stderrMoves } from '../console/terminal.ts';
import { HistoryDisplay } from '../measure/history/display.ts';
import { type HistoryOptions, historyPlan, outFolder, withHistoryOptions } from '../measure/history/history-options.ts';
import { type HistoryOutcome, runHistory, safetyLink } from '../measure/history/run-history.ts';

export const history: CommandModule<object, HistoryOptions> = {
  command: 'history',
  describe: 'run every stage of history and report what each commit gained and what it made worse',
  builder: (yargs) =>
    withHistoryOptions(yargs)
      .example('$0 history', 'all workloads at a small size: some minutes on an ordinary disk')
      .example('$0 history --dir /dev/shm', 'the same counts without waiting for a disk')
      .example('$0 history --full', 'the whole recorded installation'),
  handler: (options) => (options.from === undefined ? measure(options) : rebuild(options)),
};

async function measure(options: HistoryOptions): Promise<void> {
  const plan = historyPlan(options, hideBin(process.argv));
  const write = options.quiet === true ? null : (line: string) => console.error(line);
  const display = new HistoryDisplay(write, stderrMoves());
  const interruption = new Interruption();
  const outcome = await runHistory(plan, interruption.signal, display);
  interruption.release();
  await present(outcome, options);
  conclude(outcome, interruption);
}

async function rebuild(options: HistoryOptions): Promise<void> {
  const { readHistory } = await import('../measure/history/document-file.ts');
  const { historyText, renderHistory } = await import('../../dashboards/index.ts');
  const run = readHistory(single('from', options.from as OptionText));
  const file = path.join(outFolder(options), `${run.runId}.html`);
  writeWhole(file, await renderHistory(run, safetyLink(file)));
  for (const line of historyText(run)) console.log(line);
  console.log(`\nreport: ${file}`);
}

/** Document and report on disk; the story, or the document, on stdout. What was measured is on disk before anything is drawn. */
async function present({ run }: HistoryOutcome, options: HistoryOptions): Promise<void> {
  const stem = path.join(outFolder(options), run.runId);
  const document = JSON.stringify(run);
  writeWhole(`${stem}.json`, `${document}\n`);
  // Loaded only now, as for `bench`: charts need large libraries.
  const { historyText, renderHistory } = await import('../../dashboards/index.ts');
  writeWhole(`${stem}.html`, await renderHistory(run, safetyLink(stem)));
  if (options.json === true) {
    console.log(document);
    return;
  }
  for (const line of historyText(run)) console.log(line);
  console.log(`\nrecords: ${stem}.json\nreport:  ${stem}.html`);
}

/** Sets the exit code; an error of the run goes to the one place that tells errors. */
function conclude({ run, error }: HistoryOutcome, interruption: Interruption): void {
  if (interruption.exitCode !== null) {
    console.error('Interrupted. Results so far are in the report; continue with --resume.');
    process.exitCode = interruption.exitCode;
    return;
  }
  if (error !== null) throw error;
  for (const { title, record } of run.parts) {
    for (const finding of findings(record)) {
      console.error(`finding: ${title}: ${finding}`);
      process.exitCode = EXIT_CODES.finding;
    }
  }
}

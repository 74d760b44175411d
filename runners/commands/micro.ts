/** `cowbench micro`: what the table cache's own operations cost, in both memory layouts. */
import type { CommandModule } from 'yargs';
import { ROUNDS_A_BLOCK } from '../../results/comparison-schedule.ts';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { integer, single } from '../console/option-values.ts';
import { stdoutTerminal } from '../console/terminal.ts';

interface MicroOptions {
  rounds: string;
  json: boolean | undefined;
}

export const micro: CommandModule<object, MicroOptions> = {
  command: 'micro',
  describe: "benchmark the table cache's operations in both memory layouts, its bytes per entry, and writes in place",
  builder: (yargs) =>
    yargs
      .option('rounds', {
        ...value('N'),
        default: '10',
        describe: 'number of fresh processes per layout (even)',
      })
      .option('json', { type: 'boolean', describe: 'print all samples as one JSON object' })
      .example('$0 micro', 'both layouts at 16 to 1024 tables, a few minutes')
      .example('$0 micro --rounds 4 --json', 'faster and less precise, as JSON'),
  handler: async ({ rounds: text, json }) => {
    const rounds = integer('rounds', single('rounds', text), ROUNDS_A_BLOCK, 1000);
    if (rounds % ROUNDS_A_BLOCK !== 0)
      throw new UsageError(`--rounds ${rounds}: expected a multiple of ${ROUNDS_A_BLOCK}`);
    // Loaded on demand: it reaches into the engine's parts, which no other command does.
    const { CAPACITIES, microTables, runMicro } = await import('../measure/micro/run.ts');
    const { measureWriteInPlace, writeInPlaceLine } = await import('../measure/micro/write-in-place.ts');
    const results = runMicro(rounds, CAPACITIES, (done, all) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${all} samples${done === all ? '\n' : ''}`);
      else if (done % 8 === 0 || done === all) console.error(`${done} of ${all} samples`);
    });
    const writeInPlace = measureWriteInPlace(rounds);
    if (json === true) console.log(JSON.stringify({ ...results, writeInPlace }, null, 2));
    else
      for (const line of [...microTables(results, stdoutTerminal().width), '', writeInPlaceLine(writeInPlace)])
        console.log(line);
  },
};

/** `cowbench schema`: the published form of the record. */
import type { CommandModule } from 'yargs';
import { runRecordJsonSchema } from '../../results/json-schema.ts';

export const schema: CommandModule = {
  command: 'schema',
  describe: 'print the JSON Schema of records',
  builder: (yargs) => yargs.example('$0 schema > run-record.schema.json', 'for your own validator'),
  handler: () => void process.stdout.write(runRecordJsonSchema()),
};

/** `cowbench workloads`: what guests can do. */
import type { CommandModule } from 'yargs';
import { findDefinition, WORKLOADS } from '../../workloads/registry.ts';

/** One definition stands for all traces. */
const DEFINITIONS = [...WORKLOADS, findDefinition('trace:FILE')];

export const workloads: CommandModule<object, { json: boolean | undefined }> = {
  command: 'workloads',
  describe: 'list the workloads and their parameters',
  builder: (yargs) =>
    yargs
      .option('json', { type: 'boolean', describe: 'print one JSON object' })
      .example('$0 workloads', 'names, titles and parameters with their defaults'),
  handler: ({ json }) => {
    if (json === true) {
      const list = DEFINITIONS.map(({ name, title, parameters }) => ({ name, title, parameters }));
      console.log(JSON.stringify({ workloads: list }, null, 2));
      return;
    }
    const width = Math.max(...DEFINITIONS.map(({ name }) => name.length));
    for (const { name, title, parameters } of DEFINITIONS) {
      console.log(`${name.padEnd(width)}  ${title}`);
      for (const { option, description, unit, defaultText } of parameters) {
        const byDefault = defaultText === undefined ? '' : `, default ${defaultText}`;
        console.log(`    --${option.padEnd(20)}${description} (${unit}${byDefault})`);
      }
    }
    console.log('A trace is a fio iolog of version 2 or 3, plain, gzip or zstd.');
  },
};

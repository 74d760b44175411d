/** `cowbench workloads`: what guests can do. */
import type { CommandModule } from 'yargs';
import { findDefinition, WORKLOADS } from '../../workloads/registry.ts';
import { column, wrapped } from '../console/columns.ts';
import { stdoutTerminal } from '../console/terminal.ts';

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
    const { width } = stdoutTerminal();
    const names = Math.max(...DEFINITIONS.map(({ name }) => name.length));
    for (const { name, title, parameters } of DEFINITIONS) {
      const lines = wrapped(title, width - names - 2);
      for (const [index, line] of lines.entries()) console.log(`${(index === 0 ? name : '').padEnd(names)}  ${line}`);
      const options = parameters.map(({ option, description, unit, defaultText }) => {
        const byDefault = defaultText === undefined ? '' : `, default ${defaultText}`;
        return [`  --${option}`, `${description} (${unit}${byDefault})`] as const;
      });
      for (const line of column(options, width)) console.log(line);
    }
    console.log('A trace is a fio iolog of version 2 or 3, plain, gzip or zstd.');
  },
};

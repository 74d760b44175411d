/** `cowbench env`: what a run here would be made with. */
import fs from 'node:fs';
import path from 'node:path';
import type { CommandModule } from 'yargs';
import type { Environment } from '../../results/record.ts';
import { defaultImagesDirectory } from '../bench/images-directory.ts';
import { describeEnvironment } from '../environment.ts';
import { UsageError } from '../errors.ts';
import { single } from '../option-values.ts';

export const env: CommandModule<object, { dir: string | undefined; json: boolean | undefined }> = {
  command: 'env',
  describe: 'show the machine, the file system, and how long a sync takes in a directory',
  builder: (yargs) =>
    yargs
      .option('dir', {
        type: 'string',
        requiresArg: true,
        describe: 'the directory to probe [default: where bench would put its images]',
      })
      .option('json', { type: 'boolean', describe: 'as the JSON object of a record' })
      .example('$0 env --dir /mnt/ssd', 'probe a disk before measuring on it'),
  handler: ({ dir, json }) => {
    const directory = path.resolve(dir === undefined ? defaultImagesDirectory() : single('dir', dir));
    if (!fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
      throw new UsageError(`--dir ${directory}: no such directory`);
    }
    const environment = describeEnvironment(directory);
    if (json === true) console.log(JSON.stringify(environment, null, 2));
    else for (const line of environmentLines(directory, environment)) console.log(line);
  },
};

function environmentLines(directory: string, environment: Environment): string[] {
  const { cpu, cores, memoryBytes, kernel, node, fileSystem, syncProbe, warnings } = environment;
  const lines = [
    `cpu          ${cpu}, ${cores} cores`,
    `memory       ${(memoryBytes / 1024 ** 3).toFixed(1)} GiB`,
    `kernel       ${kernel}`,
    `node         ${node}`,
    `directory    ${directory}`,
    `file system  ${fileSystem.type} (${fileSystem.mountOptions})`,
  ];
  if (syncProbe !== null) {
    const { samples, medianNs, p99Ns } = syncProbe;
    lines.push(
      `sync         median ${(medianNs / 1000).toFixed(1)} µs, p99 ${(p99Ns / 1000).toFixed(1)} µs (${samples} overwrites of 4 KiB)`,
    );
  }
  return [...lines, ...warnings.map((warning) => `warning      ${warning}`)];
}

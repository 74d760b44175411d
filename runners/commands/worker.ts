/** `cowbench worker`: does what is queued, one job after the other. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { CommandModule } from 'yargs';
import { oneLine, UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { Interruption } from '../console/interruption.ts';
import { list, type OptionText, single } from '../console/option-values.ts';
import { JobQueue } from '../fleet/queue.ts';
import { FleetWorker } from '../fleet/worker.ts';
import { describeEnvironment } from '../machine/environment.ts';
import { describeSource } from '../machine/source.ts';
import { RunLock } from '../measure/session/run-lock.ts';
import { requireKnownProgram } from '../shards/part-file.ts';
import { THREADS_OPTION, threadsOf } from '../shards/shard-options.ts';
import { STORE_VARIABLE, storeAddress } from '../stores/connection.ts';
import { openStore, storePlace } from '../stores/open-store.ts';

type Options = Readonly<Record<string, unknown>>;

export const worker: CommandModule<object, Options> = {
  command: 'worker',
  describe: 'do the queued jobs of a fleet: benchmarks of this disk, explorations on all cores',
  builder: (yargs) =>
    yargs
      .option('store', {
        ...value('ADDRESS'),
        describe: `database of the fleet, postgres://… [default: ${STORE_VARIABLE}]`,
      })
      .option('dir', { ...value('DIR'), demandOption: true, describe: 'folder for images and unfinished work' })
      .option('label', { ...value('LABEL,…'), describe: 'names of the disk under --dir; without one, no benchmarks' })
      .option('threads', {
        ...THREADS_OPTION,
        describe: 'threads for explorations and fuzzing [default: one for each core]',
      })
      .option('name', { ...value('NAME'), describe: 'name in the list of workers [default: made from the machine]' })
      .option('until-empty', { type: 'boolean', describe: 'end when nothing is queued' })
      .option('quiet', { type: 'boolean', alias: 'q', describe: 'say nothing on stderr' })
      .example('$0 worker --dir /mnt/nvme --label nvme', 'benchmarks for nvme, and explorations')
      .example('$0 worker --dir /tmp --until-empty', 'explorations, as a job of a CI')
      .epilogue('Ctrl-C and SIGTERM give the job back. One worker with a label runs on each disk.'),
  handler: work,
};

async function work(options: Options): Promise<void> {
  const address = storeAddress(storePlace(options.store));
  const directory = path.resolve(single('dir', options.dir as OptionText));
  requireFolder(directory);
  const threads = threadsOf(options);
  const program = describeSource();
  requireKnownProgram(program);
  const labels = options.label === undefined ? [] : list('label', single('label', options.label as OptionText));
  const lock = labels.length === 0 ? null : lockDisk(directory);
  const interruption = new Interruption();
  try {
    await using queue = await JobQueue.open(address, true);
    await using store = await openStore(storePlace(options.store));
    const { machine } = describeEnvironment(directory);
    const name = options.name === undefined ? `${machine}-${process.pid}` : single('name', options.name as OptionText);
    const tell = (line: string) => {
      if (options.quiet !== true) console.error(line);
    };
    tell(`worker ${oneLine(name)} at ${address.name}`);
    const settings = { name, labels, directory, threads, program, untilEmpty: options['until-empty'] === true, tell };
    const done = await new FleetWorker(settings, queue, store, interruption.signal).run();
    console.log(`${done} ${done === 1 ? 'job' : 'jobs'} done`);
    if (interruption.exitCode !== null) process.exitCode = interruption.exitCode;
  } finally {
    lock?.release();
    interruption.release();
  }
}

function requireFolder(directory: string): void {
  const status = fs.statSync(directory, { throwIfNoEntry: false });
  if (status?.isDirectory() !== true) throw new UsageError(`--dir ${directory}: no such folder`);
}

/** Two benchmarks at once on a disk measure each other. */
function lockDisk(directory: string): RunLock {
  const { dev } = fs.statSync(directory);
  try {
    return new RunLock(path.join(os.tmpdir(), `cowbench-disk-${dev}.lock`));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(
      `--label: another worker has the disk of ${directory}: ${error.message.replace(/^--\w+: /, '')}`,
    );
  }
}

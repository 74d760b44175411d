/** `cowbench record FILE -- COMMAND`: what a program does to a disk, as a workload. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { CommandModule } from 'yargs';
import { createImage, openFile } from '../../engine/index.ts';
import { EXIT_CODES, UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { Interruption } from '../console/interruption.ts';
import { single } from '../console/option-values.ts';
import { parseDiskSize } from '../image-tool/sizes.ts';
import { runServer } from '../serve/run-server.ts';
import { SERVER_LIMITS } from '../serve/server.ts';

interface RecordOptions {
  readonly file: string;
  readonly image: string | undefined;
  readonly size: string;
}

export const record: CommandModule<object, RecordOptions> = {
  command: 'record <file>',
  describe: 'run a command on a served disk and record what is asked of the disk, as a workload',
  builder: (yargs) =>
    yargs
      .positional('file', {
        type: 'string',
        demandOption: true,
        describe: 'the recording, a fio iolog; compressed when it ends in .gz',
      })
      .option('image', { ...value('IMAGE'), describe: 'record on this image [default: a new one, removed afterwards]' })
      .option('size', { ...value('SIZE'), default: '1G', describe: 'size of the new disk' })
      .epilogue(
        'The command finds the disk at $COWBENCH_URI (NBD) and $COWBENCH_SOCKET. What it writes to $COWBENCH_PHASE, line by ' +
          'line, names the phase that begins; phases are kept next to the recording, in a .phases.json.',
      )
      .example('$0 record guest.iolog.gz -- sh load.sh', 'then: cowbench bench -w trace:guest.iolog.gz')
      .example(
        `$0 record vm.iolog --image vm.qcow2 -- sh -c 'nbdinfo "$COWBENCH_URI"'`,
        'an image of yours; it is changed',
      ),
  handler: async (options) => {
    const dashes = process.argv.indexOf('--');
    const command = dashes < 0 ? [] : process.argv.slice(dashes + 1);
    if (command.length === 0) throw new UsageError('record: give the command to run after --');
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
    try {
      await recordRun(options, command, folder);
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function recordRun(options: RecordOptions, command: readonly string[], folder: string): Promise<void> {
  const socketPath = path.join(folder, 'socket');
  const pipe = path.join(folder, 'phase');
  const file = single('file', options.file);
  const image = options.image === undefined ? newImage(folder, options.size) : single('image', options.image);
  const interruption = new Interruption();
  const ended = new AbortController();
  let failure: UsageError | null = null;
  const stop = () => ended.abort();
  interruption.signal.addEventListener('abort', stop);
  const run = async () => {
    const code = await exitCodeOf(command, environmentOf(socketPath, pipe), interruption.signal);
    if (code !== 0) failure = new UsageError(`record: the command failed (${code}); what it did is in ${file}`);
    stop();
  };
  const common = { readOnly: false, policy: null, cache: 'writeback', snapshots: false } as const;
  const served = {
    name: 'disk',
    imagePath: image,
    format: 'qcow2',
    allowBacking: false,
    folders: [],
    ...common,
  } as const;
  const { recorded } = await runServer({
    images: [served],
    address: { socketPath },
    limits: SERVER_LIMITS,
    recordPath: file,
    phasesPipe: pipe,
    statsIntervalMs: null,
    signal: ended.signal,
    onListening: () => void run(),
    onStats: () => {},
    onWarning: ({ message }) => console.error(`cowbench: ${message}`),
  });
  interruption.release();
  console.error(`cowbench: ${recorded} requests recorded in ${file}`);
  if (failure !== null) throw failure;
  process.exitCode = interruption.exitCode ?? EXIT_CODES.ok;
}

function newImage(folder: string, size: string): string {
  const imagePath = path.join(folder, 'disk.qcow2');
  const file = openFile(imagePath, { create: true });
  createImage(file, { sizeBytes: parseDiskSize('--size', single('size', size)) });
  file.close();
  return imagePath;
}

function environmentOf(socketPath: string, pipe: string): NodeJS.ProcessEnv {
  const uri = `nbd+unix:///?socket=${encodeURIComponent(socketPath)}`;
  return { ...process.env, COWBENCH_SOCKET: socketPath, COWBENCH_URI: uri, COWBENCH_PHASE: pipe };
}

/** The exit code, or the signal or error that ended it. */
function exitCodeOf(
  [program, ...words]: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<number | string> {
  const child = spawn(program!, words, { stdio: 'inherit', env });
  signal.addEventListener('abort', () => child.kill('SIGTERM'));
  return new Promise((resolve) => {
    child.on('error', ({ message }) => resolve(message));
    child.on('exit', (code, killedBy) => resolve(code ?? killedBy ?? 'unknown'));
  });
}

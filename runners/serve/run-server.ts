/** Opens images, serves them until it is stopped, and closes them. */
import fs from 'node:fs';
import type { NbdRequest } from '../../engine/nbd/index.ts';
import { UsageError } from '../console/errors.ts';
import type { ServedExport } from './connection.ts';
import { checkNames, exportsOf, type NamedImage } from './exports.ts';
import { ImageThread } from './image-thread.ts';
import type { ImageChoice } from './messages.ts';
import { PhasesPipe } from './phases-pipe.ts';
import { Recorder } from './recorder.ts';
import { type Address, NbdServer, type ServerLimits } from './server.ts';
import type { ServerStats } from './server-stats.ts';
import { SharedMemory } from './shared-memory.ts';

/** An iolog counts in sectors. */
const RECORDED_BLOCK_BYTES = 512;

export interface ServeOptions {
  readonly images: readonly (NamedImage & Omit<ImageChoice, 'imagePath'>)[];
  readonly address: Address;
  readonly limits: ServerLimits;
  /** The iolog that requests on the one image are written to; null for none. */
  readonly recordPath: string | null;
  /** Makes a named pipe of this path: each line written to it begins a phase of the recording. */
  readonly phasesPipe?: string | null;
  /** Null: no live counts. */
  readonly statsIntervalMs: number | null;
  readonly signal: AbortSignal;
  readonly onListening: (address: Address, exports: readonly ServedExport[]) => void;
  readonly onStats: (stats: ServerStats) => void;
  /** A failure that the clients do not notice. */
  readonly onWarning: (warning: Error) => void;
}

export interface ServeResult {
  /** Of each image, when it was closed. */
  readonly stats: readonly ServerStats[];
  /** Requests in the recording; null without one. */
  readonly recorded: number | null;
}

/**
 * Serves until `signal` is aborted.
 * @throws UsageError for names and addresses that cannot be used, SampleFailure for images that cannot be opened or closed.
 */
export async function runServer(options: ServeOptions): Promise<ServeResult> {
  const memory = new SharedMemory();
  const threads = options.images.map((image) => new ImageThread(image, memory));
  let recorder: Recorder | null = null;
  let phases: PhasesPipe | null = null;
  try {
    const exports = await openAll(options, threads);
    recorder = options.recordPath === null ? null : startRecorder(options.recordPath, options.onWarning);
    const recorded = recorder;
    if (recorded !== null && options.phasesPipe != null) phases = new PhasesPipe(options.phasesPipe, recorded);
    const offered =
      recorded === null
        ? exports
        : exports.map((one) => ({ ...one, onRequest: ({ work }: NbdRequest) => recorded.take(work) }));
    await serve(options, offered, threads, memory);
  } catch (error) {
    await closeAll(threads).catch(() => {});
    phases?.close();
    await recorder?.end().catch(() => {});
    throw error;
  }
  const stats = await closeAll(threads);
  phases?.close();
  await recorder?.end();
  return { stats, recorded: recorder?.requests ?? null };
}

async function openAll(options: ServeOptions, threads: readonly ImageThread[]): Promise<ServedExport[]> {
  const blockBytes = options.recordPath === null ? 1 : RECORDED_BLOCK_BYTES;
  const disks = await Promise.all(threads.map((thread) => thread.opened));
  const exports = options.images.flatMap((image, index) =>
    exportsOf(image, threads[index]!, disks[index]!, blockBytes),
  );
  checkNames(exports);
  return exports;
}

async function serve(
  options: ServeOptions,
  exports: readonly ServedExport[],
  threads: readonly ImageThread[],
  memory: SharedMemory,
): Promise<void> {
  const { signal, statsIntervalMs } = options;
  const server = new NbdServer(exports, memory, options.limits);
  const address = await server.listen(options.address);
  const reports =
    statsIntervalMs === null ? null : setInterval(() => void report(threads, options.onStats), statsIntervalMs);
  try {
    options.onListening(address, exports);
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve());
    });
    // A thread that dies while it serves rejects.
    await Promise.race([stopped, ...threads.map((thread) => thread.closed)]);
  } finally {
    if (reports !== null) clearInterval(reports);
    await server.stop();
  }
}

async function report(threads: readonly ImageThread[], onStats: (stats: ServerStats) => void): Promise<void> {
  for (const thread of threads) onStats(await thread.stats());
}

/** All are closed, whatever happens to one of them. */
async function closeAll(threads: readonly ImageThread[]): Promise<ServerStats[]> {
  const closed = await Promise.allSettled(threads.map((thread) => thread.close()));
  return closed.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}

/** A recording replaces none. */
function startRecorder(recordPath: string, onFailure: (failure: UsageError) => void): Recorder {
  try {
    fs.closeSync(fs.openSync(recordPath, 'wx'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'there is a file of that name' : (error as Error).message;
    throw new UsageError(`--record ${recordPath}: ${why}`);
  }
  return new Recorder(recordPath, onFailure);
}

/**
 * An image in the hands of the installed qemu programs: qemu-io serves the guest's requests, qemu-img the snapshots, between
 * closing the image and opening it again, because no command of qemu-io makes one.
 *
 * Invariants:
 *  1. One request is in flight at a time, but for those of `feed`, which are served one after another all the same; everything here
 *     is synchronous, as in the engine that it is compared with.
 *  2. A session is either timed or counted: under strace every call takes longer, so times of a counted one mean nothing.
 *
 * qemu-img knows neither the size of a VM state nor writethrough; see docs/decisions/004-qemu-reference.md.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { type HostCacheMode, Qcow2Error } from '../../engine/index.ts';
import {
  carriesData,
  commandOf,
  IMAGE_LINK,
  LOG_LINK,
  type LogChoice,
  type OpenOptions,
  openCommand,
  type QemuRequest,
  type SnapshotOp,
  snapshotWords,
} from './commands.ts';
import { type ProcessUsage, processUsage } from './process-usage.ts';
import { QemuIo } from './qemu-io.ts';
import { SessionFolder } from './session-folder.ts';
import {
  addCalls,
  checkTracing,
  countSystemCalls,
  noCalls,
  type SystemCallCounts,
  straceWords,
} from './system-calls.ts';
import { programIn, type QemuFolder, toolVersion } from './tools.ts';

export interface QemuSessionOptions {
  /** An existing image; its backing file, if any, must be named by an absolute path. */
  readonly imagePath: string;
  readonly cache: HostCacheMode;
  /** Where the programs are. Default: where the system finds them. */
  readonly folder?: QemuFolder;
  /** Count system calls by strace. */
  readonly counted: boolean;
  /** Options of the qcow2 driver by name, such as `l2-cache-size`. */
  readonly driver?: Readonly<Record<string, string | number>>;
  /** A file for the log of blklogwrites; it is recreated. */
  readonly logPath?: string;
}

/** A request and the data that it writes; ignored when it writes none. */
export interface RequestWithData {
  readonly request: QemuRequest;
  readonly bytes: Uint8Array;
}

/** Called after each request with its duration by this process's clock. */
export type OnServed = (request: QemuRequest, latencyNs: number) => void;

export interface QemuSessionResult {
  /** What each kind of request did to the file, `open` and `close` included; null when not counted. */
  readonly calls: ReadonlyMap<string, SystemCallCounts> | null;
  /** Of the qemu-io process, up to the last close; null when counted. The qemu-img processes of snapshots are not in it. */
  readonly usage: ProcessUsage | null;
}

/**
 * Starts the programs; the image is not open yet.
 * @throws UsageError when a program is not installed, Qcow2Error when one does not start or cannot be traced.
 */
export function openQemuSession(options: QemuSessionOptions): QemuSession {
  toolVersion('qemu-io', options.folder);
  toolVersion('qemu-img', options.folder);
  if (options.counted) {
    toolVersion('strace');
    checkTracing();
  }
  return new QemuSession(options);
}

type SnapshotRequest = Extract<QemuRequest, { readonly op: SnapshotOp }>;

function closesImage(
  request: QemuRequest,
): request is SnapshotRequest | Extract<QemuRequest, { readonly op: 'reopen' }> {
  return request.op === 'reopen' || request.op.startsWith('snapshot-');
}

export class QemuSession {
  readonly #options: QemuSessionOptions;
  readonly #folder: SessionFolder;
  readonly #realImage: string;
  readonly #qemuIo: QemuIo;
  /** What each command of qemu-io was for, in order: the key to the tracer's log. */
  readonly #requests = ['start'];
  readonly #snapshotLogs: { readonly request: string; readonly log: string }[] = [];
  #log: LogChoice;
  #usage: ProcessUsage | null = null;

  constructor(options: QemuSessionOptions) {
    this.#options = options;
    this.#realImage = resolvedImage(options.imagePath);
    this.#folder = new SessionFolder(this.#realImage);
    try {
      this.#folder.link(IMAGE_LINK, this.#realImage);
      this.#log = options.logPath === undefined ? 'no-log' : 'new-log';
      if (options.logPath !== undefined) {
        fs.writeFileSync(options.logPath, '');
        this.#folder.link(LOG_LINK, options.logPath);
      }
      const qemuIo = programIn(options.folder ?? null, 'qemu-io');
      this.#qemuIo = new QemuIo(this.#folder.path, qemuIo, (answers) => this.#tracer('qemu-io.strace', [answers]));
    } catch (error) {
      this.#folder.remove();
      throw error;
    }
  }

  /** Opens the image; returns how long that took, in nanoseconds. */
  open(): number {
    return this.#command('open', openCommand(this.#openOptions()));
  }

  /** Closes the image, which writes out what is left; returns how long that took, in nanoseconds. */
  close(): number {
    const durationNs = this.#command('close', 'close');
    // Under a tracer the process is the tracer.
    if (!this.#options.counted) this.#usage = processUsage(this.#qemuIo.processId);
    return durationNs;
  }

  /** Serves `batch`, one request after the other. Throws Qcow2Error for the first that fails. */
  execute(batch: readonly RequestWithData[], served: OnServed = () => {}): void {
    for (const { request, bytes } of batch) {
      // Before the clock starts: the engine that is compared with also finds its data ready.
      if (carriesData(request)) this.#folder.setData(bytes);
      served(request, this.#serve(request));
    }
  }

  /**
   * Serves `batch` with its commands sent ahead; each write fills its range with a byte, as there is one file of data only. Returns how
   * long all of it took, in nanoseconds. Throws Qcow2Error when a request fails.
   */
  feed(batch: readonly RequestWithData[]): number {
    const steps = this.#stepsOf(batch);
    const startNs = performance.now() * 1e6;
    for (const step of steps) {
      if (Array.isArray(step)) this.#qemuIo.batch(step);
      else this.#snapshot(step.op, step.name);
    }
    return performance.now() * 1e6 - startNs;
  }

  /** What is asked of qemu-io in one go, and the snapshots between. */
  #stepsOf(batch: readonly RequestWithData[]): (string[] | SnapshotRequest)[] {
    const steps: (string[] | SnapshotRequest)[] = [];
    let commands: string[] = [];
    for (const [index, { request }] of batch.entries()) {
      if (request.op === 'mark') continue;
      if (!closesImage(request)) {
        commands.push(commandOf(request, (index % 255) + 1));
        continue;
      }
      commands.push('close');
      if (request.op !== 'reopen') {
        steps.push(commands, request);
        commands = [];
      }
      commands.push(openCommand(this.#openOptions()));
    }
    return [...steps, commands];
  }

  /** Ends the programs and removes everything that was made for them. The counts are read from the tracer's logs. */
  async end(): Promise<QemuSessionResult> {
    try {
      await this.#qemuIo.end();
      const calls = this.#options.counted ? await this.#countCalls() : null;
      return { calls, usage: this.#usage };
    } finally {
      this.#folder.remove();
    }
  }

  #serve(request: QemuRequest): number {
    switch (request.op) {
      case 'mark':
        return 0;
      case 'reopen':
        return this.#closed('reopen', () => {});
      case 'snapshot-create':
      case 'snapshot-apply':
      case 'snapshot-delete':
        return this.#closed(request.op, () => this.#snapshot(request.op, request.name));
      default:
        return this.#command(request.op, commandOf(request));
    }
  }

  #closed(request: string, work: () => void): number {
    const startNs = performance.now() * 1e6;
    this.#command(request, 'close');
    work();
    this.#command(request, openCommand(this.#openOptions()));
    return performance.now() * 1e6 - startNs;
  }

  #command(request: string, words: string): number {
    this.#requests.push(request);
    const startNs = performance.now() * 1e6;
    this.#qemuIo.command(words);
    return performance.now() * 1e6 - startNs;
  }

  #snapshot(op: SnapshotOp, name: string): void {
    const tracer = this.#tracer(`snapshot-${this.#snapshotLogs.length}.strace`, []);
    const [program, ...words] = [
      ...tracer,
      programIn(this.#options.folder ?? null, 'qemu-img'),
      ...snapshotWords(op, name, this.#openOptions()),
    ];
    const run = spawnSync(program!, words, { cwd: this.#folder.path, encoding: 'utf8' });
    if (run.status !== 0) {
      const reason = run.error?.message ?? run.stderr.trim().split('\n')[0];
      throw new Qcow2Error('IO', `qemu-img failed at ${op} "${name}": ${reason}`);
    }
    if (this.#options.counted) {
      this.#snapshotLogs.push({ request: op, log: this.#folder.file(`snapshot-${this.#snapshotLogs.length}.strace`) });
    }
  }

  #tracer(log: string, answers: readonly string[]): readonly string[] {
    if (!this.#options.counted) return [];
    return straceWords([this.#realImage, ...answers], this.#folder.file(log));
  }

  /** A log is begun by whoever opens the image first and continued by everyone after. */
  #openOptions(): OpenOptions {
    const log = this.#log;
    if (log === 'new-log') this.#log = 'append-to-log';
    return { cache: this.#options.cache, driver: this.#options.driver ?? {}, log };
  }

  async #countCalls(): Promise<Map<string, SystemCallCounts>> {
    const calls = new Map<string, SystemCallCounts>();
    const add = (request: string, more: SystemCallCounts) => {
      const sum = calls.get(request) ?? noCalls();
      addCalls(sum, more);
      calls.set(request, sum);
    };
    const parts = await countSystemCalls(this.#folder.file('qemu-io.strace'));
    for (const [index, part] of parts.entries()) add(this.#requests[index] ?? 'end', part);
    for (const { request, log } of this.#snapshotLogs) {
      for (const part of await countSystemCalls(log)) add(request, part);
    }
    return calls;
  }
}

function resolvedImage(imagePath: string): string {
  try {
    return fs.realpathSync(imagePath);
  } catch (error) {
    throw new Qcow2Error('INVALID_ARGUMENT', `cannot find the image ${imagePath}: ${(error as Error).message}`);
  }
}

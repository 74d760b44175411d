/**
 * A server program that runs for one session, and everything that it starts.
 *
 * Invariants:
 *  1. When `end` has returned, and when this process is gone in whatever way, no process of the command is left, and its folder is removed:
 *     a guard in a process group of its own sees to it, which reads a pipe that only this process can write to.
 *  2. The folder has a short path without special characters, as far as the system's folder for temporary files has: a socket needs that,
 *     and the words of the command are put into a shell.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Qcow2Error } from '../../engine/index.ts';
import { oneLine, UsageError } from '../console/errors.ts';
import { type ProcessUsage, processUsage } from '../qemu/process-usage.ts';
import { straceWords } from '../qemu/system-calls.ts';
import { BlockingNbdClient } from './blocking-client.ts';
import { filled } from './command.ts';

/** How long a command may take to listen, to end by itself when its client is gone, and to end when it is asked to; and a server to answer. */
const SERVER_PATIENCE_MS = { start: 10_000, answer: 60_000, farewell: 500, end: 10_000 };

/**
 * `$@` are the words of the command. The guard outlives the server until this process closes the pipe: its own exit code says how the
 * server ended. The watcher reads until this process closes the pipe, or is gone, and leaves nothing.
 */
const GUARD = `
"$@" </dev/null 3<&- &
server=$!
trap '' TERM
( read -r line; kill -TERM 0; turns=0
  while kill -0 "$server" 2>/dev/null && [ "$turns" -lt 50 ]; do sleep 0.1; turns=$((turns + 1)); done
  rm -rf "$COWBENCH_FOLDER"; kill -KILL 0 ) <&3 >/dev/null &
exec 3<&-
wait "$server"
`;

const ERRORS_BYTES = 4096;
const RETRY_MS = 2;

export interface ServerOptions {
  /** What messages call it. */
  readonly name: string;
  /** Runs in a shell, with the placeholders of `command.ts`. */
  readonly command: string;
  readonly imagePath: string;
  /** Trace its system calls on the image. */
  readonly traced: boolean;
  /** Connect a blocking client. Default true; else the caller does, once {@link ServerProcess.start} has found the socket. */
  readonly connects?: boolean;
  readonly patienceMs?: Partial<typeof SERVER_PATIENCE_MS>;
}

export class ServerProcess {
  readonly #options: ServerOptions;
  readonly #patienceMs: typeof SERVER_PATIENCE_MS;
  readonly #folder: string;
  readonly #guard: ChildProcess;
  readonly #ended: Promise<void>;
  #errors = '';
  #status: number | null = null;
  #client: BlockingNbdClient | null = null;

  private constructor(options: ServerOptions) {
    this.#options = options;
    this.#patienceMs = { ...SERVER_PATIENCE_MS, ...options.patienceMs };
    const image = realPath(options.imagePath);
    this.#folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
    fs.symlinkSync(image, this.#file('image'));
    const places = { socket: this.#file('socket'), image: this.#file('image') };
    const shell = ['sh', '-c', filled(options.command, places)];
    const words = options.traced ? [...straceWords([image], this.#file('trace')), ...shell] : shell;
    this.#guard = spawn('sh', ['-c', GUARD, 'guard', ...words], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, COWBENCH_FOLDER: this.#folder },
    });
    this.#guard.stderr!.on('data', (text) => (this.#errors = (this.#errors + text).slice(-ERRORS_BYTES)));
    // Closed on the other side when the guard is killed: nothing depends on that write.
    this.#guard.stdio[3]!.on('error', () => {});
    this.#guard.on('exit', (code) => (this.#status = code ?? 1));
    this.#ended = new Promise((resolve) => this.#guard.on('close', () => resolve()));
  }

  /**
   * Starts the command and waits until a client is connected.
   * @throws UsageError when it ends before, or does not listen in time.
   */
  static async start(options: ServerOptions): Promise<ServerProcess> {
    const server = new ServerProcess(options);
    try {
      await (options.connects === false ? server.#awaitSocket() : server.#connect());
      return server;
    } catch (error) {
      await server.#leave();
      throw error;
    }
  }

  get socketPath(): string {
    return this.#file('socket');
  }

  /** Where other clients find it. */
  get uri(): string {
    return `nbd+unix:///?socket=${encodeURIComponent(this.socketPath)}`;
  }

  get client(): BlockingNbdClient {
    if (this.#client === null) throw new Error('no client is connected');
    return this.#client;
  }

  /** What the command's processes have used so far: CPU time of all, and the memory of the largest. */
  usage(): ProcessUsage {
    const sum = { userCpuNs: 0, systemCpuNs: 0, peakMemoryBytes: 0 };
    for (const id of groupMembers(this.#guard.pid!)) {
      const used = usageOf(id);
      sum.userCpuNs += used?.userCpuNs ?? 0;
      sum.systemCpuNs += used?.systemCpuNs ?? 0;
      sum.peakMemoryBytes = Math.max(sum.peakMemoryBytes, used?.peakMemoryBytes ?? 0);
    }
    return sum;
  }

  /**
   * Disconnects and has the server end, which writes out what it still holds. `look` sees the trace before it is removed.
   * @throws Qcow2Error IO when it fails at that.
   */
  async end(look: (traceFile: string) => Promise<void> = async () => {}): Promise<void> {
    try {
      if (this.#status !== null) throw this.#failure('ended before it was asked to (it must stay in the foreground)');
      this.#client?.disconnect();
      this.#client = null;
      // qemu-nbd closes its image when its client is gone, but not when the signal comes first: what it still held would be lost.
      await this.#waitForStatus(this.#patienceMs.farewell);
      if (this.#status === null) this.#signal('SIGTERM');
      await this.#waitForStatus(this.#patienceMs.end);
      if (this.#status === null) throw this.#failure(`does not end ${this.#patienceMs.end / 1000} s after SIGTERM`);
      // 143: a program that ends as a signal to end makes it.
      if (this.#status !== 0 && this.#status !== 143) throw this.#failure('ended');
      if (this.#options.traced) await look(this.#file('trace'));
    } finally {
      await this.#leave();
    }
  }

  /** Says of an error of the client that the server is gone, if it is, and how. */
  async explain(error: unknown): Promise<unknown> {
    if (!(error instanceof Qcow2Error) || error.code !== 'IO') return error;
    await this.#hearOfItsEnd();
    return this.#failure(error.message);
  }

  /** Ends everything at once. */
  async kill(): Promise<void> {
    this.#client?.disconnect();
    this.#client = null;
    await this.#leave();
  }

  async #awaitSocket(): Promise<void> {
    const untilMs = performance.now() + this.#patienceMs.start;
    while (!fs.existsSync(this.socketPath) && this.#status === null && performance.now() < untilMs)
      await wait(RETRY_MS);
    if (this.#status !== null) throw this.#unusable('it ended before it listened on {socket}');
    if (!fs.existsSync(this.socketPath)) throw this.#unusable('it does not listen on {socket}');
  }

  async #connect(): Promise<void> {
    const { start, answer } = this.#patienceMs;
    const untilMs = performance.now() + start;
    do {
      try {
        this.#client = BlockingNbdClient.connect(this.#file('socket'), Math.min(start, answer));
      } catch (error) {
        await this.#hearOfItsEnd();
        throw this.#unusable((error as Error).message);
      }
      if (this.#client !== null) break;
      if (this.#status !== null) throw this.#unusable(`it ended before it listened on {socket}`);
      await wait(RETRY_MS);
    } while (performance.now() < untilMs);
    if (this.#client === null) throw this.#unusable(`it does not listen on {socket} after ${start / 1000} s`);
    if (!this.#client.isWritable) throw this.#unusable('it serves the image read-only');
  }

  /** A server that died has closed its socket before its end, and what it said, are heard of. */
  async #hearOfItsEnd(): Promise<void> {
    for (let turn = 0; turn < 500 && this.#status === null; turn++) await wait(1);
    await wait(10);
  }

  #unusable(why: string): UsageError {
    return new UsageError(`--engine ${this.#options.name}: ${why}${this.#how()}`);
  }

  #failure(what: string): Qcow2Error {
    return new Qcow2Error('IO', `${this.#options.name}: ${what}${this.#how()}`);
  }

  /** How it ended and what it said last, if it did. */
  #how(): string {
    const status = this.#status === null ? '' : ` (exit code ${this.#status})`;
    const said = this.#errors.trim().split('\n').at(-1) ?? '';
    return oneLine(`${status}${said === '' ? '' : `: ${said}`}`).replace(/^(?=\()/, ' ');
  }

  async #waitForStatus(patienceMs: number): Promise<void> {
    const untilMs = performance.now() + patienceMs;
    while (this.#status === null && performance.now() < untilMs) await wait(1);
  }

  async #leave(): Promise<void> {
    (this.#guard.stdio[3] as { destroy(): void }).destroy();
    // A process that left the group may still hold what this one waits for.
    await Promise.race([this.#ended, wait(this.#patienceMs.end, undefined, { ref: false })]);
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }

  #signal(signal: NodeJS.Signals): void {
    process.kill(-this.#guard.pid!, signal);
  }

  #file(name: string): string {
    return path.join(this.#folder, name);
  }
}

function realPath(imagePath: string): string {
  return fs.realpathSync(imagePath);
}

/** The processes of a group, but for its leader and for what has ended. */
function groupMembers(leader: number): number[] {
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((id) => id !== leader && groupOf(id) === leader);
}

function groupOf(id: number): number | null {
  try {
    const stat = fs.readFileSync(`/proc/${id}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
  } catch {
    return null;
  }
}

function usageOf(id: number): ProcessUsage | null {
  try {
    return processUsage(id);
  } catch {
    return null;
  }
}

/** `cowbench serve` in a process of its own, and the programs that speak to it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createImage, openFile } from '../../../engine/index.ts';
import { CLI, type Finished, startProgram, temporaryFolder } from '../../testing/command.ts';
import type { ServerStats } from '../server-stats.ts';

/** Far above what any client here takes. */
const CLIENT_LIMIT_MS = 60_000;

/** Tests that need a tool which is not installed are skipped, but not where all must be. */
export function without(...tools: readonly string[]): string | false {
  if (process.env.CI !== undefined) return false;
  const missing = tools.filter((tool) => spawnSync(tool, ['--version']).error !== undefined);
  return missing.length > 0 && `NOT TESTED: this needs ${missing.join(' and ')}`;
}

export class RunningServer {
  readonly folder: string;
  readonly process: ChildProcess;
  readonly #traced: boolean;
  readonly finished: Promise<Finished>;
  #stdout = '';

  /** `traced`: strace writes what the server does to the file `trace`. */
  constructor(
    folder: string,
    words: readonly string[],
    address = ['--socket', path.join(folder, 'socket')],
    traced = false,
  ) {
    this.folder = folder;
    const serve = [process.execPath, CLI, 'serve', ...address, ...words];
    const strace = ['strace', '-f', '-y', '-e', 'trace=fsync,fdatasync', '-o', path.join(folder, 'trace')];
    const [program, ...rest] = traced ? [...strace, ...serve] : serve;
    const { process: child, finished } = startProgram(program!, rest);
    this.#traced = traced;
    this.process = child;
    this.finished = finished;
    child.stdout!.on('data', (text) => (this.#stdout += text));
  }

  /** The URI of each export, once the server listens. */
  async uris(): Promise<string[]> {
    const start = performance.now();
    while (!this.#stdout.includes('\n')) {
      const ended = this.process.exitCode !== null || performance.now() - start > CLIENT_LIMIT_MS;
      assert.ok(!ended, `the server does not listen: ${JSON.stringify((await this.#nowOrSoon()) ?? this.#stdout)}`);
      await wait(10);
    }
    return this.#stdout.split('\n').filter((line) => line.startsWith('nbd'));
  }

  /** Ends it as a service manager does; returns the last counts of the one image on its output, if it prints them. */
  async stop(): Promise<ServerStats | null> {
    return (await this.stopAll()).at(-1) ?? null;
  }

  /** As {@link stop}; returns the last counts of each image, in their order. */
  async stopAll(): Promise<ServerStats[]> {
    this.#signal('SIGTERM');
    const { code, stdout, stderr } = await this.finished;
    assert.equal(code, 143, stderr);
    const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
    const stats = lines.map((line) => JSON.parse(line) as ServerStats);
    return stats.filter(({ image }, index) => stats.findLastIndex((other) => other.image === image) === index);
  }

  /** Ends it at once, if it still runs. */
  async kill(): Promise<void> {
    if (this.process.exitCode === null) this.#signal('SIGKILL');
    await this.finished;
  }

  #signal(signal: NodeJS.Signals): void {
    process.kill(this.#traced ? childOf(this.process.pid!) : this.process.pid!, signal);
  }

  #nowOrSoon(): Promise<Finished | null> {
    return Promise.race([this.finished, wait(1000, null)]);
  }
}

/** The process that strace started. */
function childOf(pid: number): number {
  return Number(fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0]);
}

export function newImage(imagePath: string, sizeBytes: number): void {
  const file = openFile(imagePath, { create: true });
  createImage(file, { sizeBytes });
  file.close();
}

/** Runs `work` on a server of a new image, in a folder that is gone afterwards. */
export async function withServer(
  options: {
    readonly sizeBytes: number;
    readonly words?: (folder: string) => readonly string[];
    readonly traced?: boolean;
  },
  work: (uri: string, server: RunningServer, imagePath: string) => Promise<void>,
): Promise<void> {
  const folder = temporaryFolder();
  const imagePath = path.join(folder, 'disk.qcow2');
  newImage(imagePath, options.sizeBytes);
  const server = new RunningServer(folder, [imagePath, ...(options.words?.(folder) ?? [])], undefined, options.traced);
  try {
    await work((await server.uris())[0]!, server, imagePath);
  } finally {
    await server.kill();
    fs.rmSync(folder, { recursive: true });
  }
}

/** Runs a client to its end; throws with what it said when it fails. */
export function client(program: string, ...words: readonly string[]): string {
  const { status, signal, stdout, stderr, error } = spawnSync(program, words, {
    encoding: 'utf8',
    timeout: CLIENT_LIMIT_MS,
  });
  assert.equal(error, undefined);
  assert.equal(status, 0, `${program} ${words.join(' ')}: ${signal ?? ''} ${stderr}${stdout}`);
  return stdout;
}

/** Throws unless the real checker finds nothing wrong with the image. */
export function assertClean(imagePath: string): void {
  client('qemu-img', 'check', '-q', imagePath);
}

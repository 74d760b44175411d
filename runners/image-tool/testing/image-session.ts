/** A folder in which `cowbench image` (in this process) and the real qemu-img do the same things, for tests. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import yargs from 'yargs';
import { describeFailure } from '../../console/errors.ts';
import { failureExitCode } from '../../console/exit-codes.ts';
import { imageCommand, imageWords } from '../command.ts';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class ImageSession {
  /** Links resolved, as names that the tool itself finds out are. */
  readonly folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-')));

  [Symbol.dispose](): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  file(name: string): string {
    return path.join(this.folder, name);
  }

  /** Words that name a file of the folder begin with `@`, which stands for the folder; also after `if=` and the like. */
  #words(words: readonly string[]): string[] {
    return words.map((word) => word.replace(/(^|=)@/, `$1${this.folder}/`));
  }

  /** `cowbench image WORDS`. */
  async cowbench(...words: string[]): Promise<Outcome> {
    const all = ['image', ...this.#words(words)];
    let stdout = '';
    let stderr = '';
    let code = 0;
    const terminal = {
      print: (line: string) => (stdout += `${line}\n`),
      write: (text: string) => (stdout += text),
      complain: (line: string) => (stderr += `${line}\n`),
      exitWith: (wanted: number) => (code = wanted),
    };
    try {
      await yargs(imageWords(all))
        .command(imageCommand(terminal))
        .exitProcess(false)
        .fail((message, error) => {
          throw error ?? new Error(message);
        })
        .parseAsync();
    } catch (error) {
      const { message, expected } = describeFailure(error);
      stderr += `${expected ? '' : 'defect: '}${message}\n`;
      code = failureExitCode(all);
    }
    return { code, stdout, stderr };
  }

  /** As {@link cowbench}, which must succeed. Returns what it printed. */
  async done(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.cowbench(...words);
    if (code !== 0 || stderr !== '') throw new Error(`cowbench image ${words.join(' ')}: ${code}: ${stderr}`);
    return stdout;
  }

  async json(...words: string[]): Promise<Record<string, unknown>> {
    return JSON.parse((await this.cowbench(...words)).stdout);
  }

  /** `qemu-img WORDS`. */
  qemu(...words: string[]): Outcome {
    return this.#program('qemu-img', this.#words(words));
  }

  /** As {@link qemu}, which must succeed. */
  qemuDone(...words: string[]): string {
    const { code, stdout, stderr } = this.qemu(...words);
    if (code !== 0) throw new Error(`qemu-img ${words.join(' ')}: ${code}: ${stderr}`);
    return stdout;
  }

  qemuJson(...words: string[]): Record<string, unknown> {
    return JSON.parse(this.qemu(...words).stdout);
  }

  /** Requests of `qemu-io`, which must succeed. */
  io(name: string, format: string, ...commands: string[]): void {
    const outcome = this.#program('qemu-io', [
      '-f',
      format,
      ...commands.flatMap((each) => ['-c', each]),
      this.file(name),
    ]);
    if (outcome.code !== 0) throw new Error(`qemu-io ${name}: ${outcome.stdout}${outcome.stderr}`);
  }

  #program(program: string, words: string[]): Outcome {
    const { status, signal, stdout, stderr } = spawnSync(program, words, {
      cwd: this.folder,
      encoding: 'utf8',
      timeout: 20_000,
    });
    return { code: status ?? -1, stdout, stderr: signal === null ? stderr : `${stderr}ended by ${signal}\n` };
  }

  /** A raw disk with data at both ends and holes between. */
  rawDisk(name: string, megabytes = 3): void {
    this.qemuDone('create', '-q', '-f', 'raw', `@${name}`, `${megabytes}M`);
    this.io(name, 'raw', 'write -P 3 64k 100k', 'write -P 4 1M 4k', `write -P 5 ${megabytes * 1024 - 4}k 4k`);
  }

  /** A qcow2 disk with data, zeros, a compressed cluster and a snapshot; `options` of its creation. */
  qcow2Disk(name: string, ...options: string[]): void {
    this.qemuDone('create', '-q', '-f', 'qcow2', ...options, `@${name}`, '4M');
    const compressed = options.some((word) => word.includes('data_file')) ? [] : ['write -c -P 9 2M 64k'];
    this.io(name, 'qcow2', 'write -P 6 0 128k', 'write -P 7 1M 64k', 'write -z 1536k 64k', ...compressed);
    if (compressed.length === 0) return;
    this.qemuDone('snapshot', '-c', 'before', `@${name}`);
    this.io(name, 'qcow2', 'write -P 8 64k 128k', 'write -P 10 3M 68k');
  }
}

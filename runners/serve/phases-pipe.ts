/** A named pipe through which whoever is recorded says what it does next: each line that is written to it begins a phase. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import readline from 'node:readline';
import { UsageError } from '../console/errors.ts';
import type { Recorder } from './recorder.ts';

export class PhasesPipe {
  readonly #path: string;
  readonly #socket: net.Socket;

  /** @throws UsageError when there is a file of that name, or no pipe can be made. */
  constructor(path: string, recorder: Recorder) {
    const { status, stderr, error } = spawnSync('mkfifo', ['-m', '600', path], { encoding: 'utf8' });
    if (status !== 0) throw new UsageError(`--phases ${path}: ${error?.message ?? stderr.trim()}`);
    this.#path = path;
    // Open for both: it does not end when a writer leaves, and opening it waits for none.
    const fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
    this.#socket = new net.Socket({ fd, readable: true, writable: false });
    this.#socket.unref();
    readline.createInterface({ input: this.#socket }).on('line', (line) => {
      if (line.trim() !== '') recorder.phase(line.trim().slice(0, 100));
    });
  }

  close(): void {
    this.#socket.destroy();
    fs.rmSync(this.#path, { force: true });
  }
}

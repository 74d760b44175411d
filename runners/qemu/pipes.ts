/**
 * A pair of blocking pipes to a child process, so that a request and its answer are two system calls with no event loop
 * between them: the clock around them measures the child, not the turns of the loop.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Qcow2Error } from '../../engine/index.ts';

/** One pipe: what is written to `write` comes out of `read`. Neither end is inherited by a child unless handed to it. */
export interface Pipe {
  readonly path: string;
  readonly read: number;
  readonly write: number;
}

/** Makes the named pipe `name` in `directory` and opens both ends, blocking. Throws Qcow2Error IO where there are no pipes. */
export function openPipe(directory: string, name: string): Pipe {
  const fifo = path.join(directory, name);
  const made = spawnSync('mkfifo', ['-m', '600', fifo], { encoding: 'utf8' });
  if (made.status !== 0) {
    throw new Qcow2Error('IO', `cannot make a named pipe: ${made.error?.message ?? made.stderr.trim()}`);
  }
  // Opening one end waits for the other; with this descriptor, which is both, neither has to wait.
  const both = fs.openSync(fifo, 'r+');
  try {
    return { path: fifo, read: fs.openSync(fifo, 'r'), write: fs.openSync(fifo, 'w') };
  } finally {
    fs.closeSync(both);
  }
}

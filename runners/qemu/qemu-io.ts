/**
 * One running qemu-io that takes commands one at a time.
 *
 * Invariants:
 *  1. One command is in flight at most: `command` returns when qemu-io asks for the next one.
 *  2. When this process ends, however it ends, qemu-io reads the end of its input, closes the image and ends too.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { Qcow2Error } from '../../engine/index.ts';
import { openPipe, type Pipe } from './pipes.ts';

const PROMPT = 'qemu-io> ';
const ANSWER_BYTES = 4096;
const LONGEST_MESSAGE = 300;

export class QemuIo {
  readonly processId: number;
  readonly #commands: Pipe;
  readonly #answers: Pipe;
  readonly #buffer = Buffer.alloc(ANSWER_BYTES);
  readonly #ended: Promise<void>;

  /** Starts qemu-io in `directory`, under the words `wrapper` gives for its pipe of answers (a tracer's), if any. */
  constructor(directory: string, wrapper: (answersPath: string) => readonly string[]) {
    this.#commands = openPipe(directory, 'commands');
    this.#answers = openPipe(directory, 'answers');
    const [program, ...words] = [...wrapper(this.#answers.path), 'qemu-io'];
    const out = this.#answers.write;
    const child = spawn(program!, words, { cwd: directory, stdio: [this.#commands.read, out, out] });
    this.#ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => resolve());
    });
    // Looked at in `end`; a child that ended early shows in the end of its answers.
    this.#ended.catch(() => {});
    fs.closeSync(this.#commands.read);
    // With its last writer gone the pipe of answers ends, instead of blocking the reader forever.
    fs.closeSync(out);
    this.processId = child.pid ?? 0;
    this.#answer('its start');
  }

  /**
   * Has one command executed.
   * @throws Qcow2Error IO with qemu-io's own words when it fails, or when qemu-io ended.
   */
  command(words: string): void {
    try {
      fs.writeSync(this.#commands.write, `${words}\n`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
    }
    const said = this.#answer(words);
    if (said !== '') throw new Qcow2Error('IO', `qemu-io failed at "${words}": ${said}`);
  }

  /** Ends qemu-io and waits until it is gone. */
  async end(): Promise<void> {
    fs.closeSync(this.#commands.write);
    await this.#ended;
    fs.closeSync(this.#answers.read);
  }

  /** Waits for the prompt; returns what came before it on one line. */
  #answer(words: string): string {
    let text = '';
    while (!text.endsWith(PROMPT)) {
      const bytes = fs.readSync(this.#answers.read, this.#buffer);
      if (bytes === 0) throw new Qcow2Error('IO', `qemu-io ended at "${words}": ${message(text)}`);
      text += this.#buffer.toString('utf8', 0, bytes);
      if (text.length > 2 * ANSWER_BYTES) text = text.slice(-ANSWER_BYTES);
    }
    return message(text.slice(0, -PROMPT.length));
  }
}

function message(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, ' ');
  return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}...` : line;
}

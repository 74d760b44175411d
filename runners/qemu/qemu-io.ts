/**
 * One running qemu-io that takes commands one at a time, or many that are sent ahead of their execution.
 *
 * Invariants:
 *  1. Nothing is in flight when a call returns: `command` waits until qemu-io asks for the next one, `batch` for its last.
 *  2. When this process ends, however it ends, qemu-io reads the end of its input, closes the image and ends too.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { Qcow2Error } from '../../engine/index.ts';
import { openPipe, type Pipe } from './pipes.ts';

const PROMPT = 'qemu-io> ';
const ANSWER_BYTES = 4096;
const LONGEST_MESSAGE = 300;
/** Commands that are sent at once: less than a pipe holds, so that neither side waits for the other to read. */
const BATCH_BYTES = 16_384;
/** More than the prompts of a batch and what a failing command says. */
const LONGEST_ANSWER = 65_536;
/**
 * Sent after a batch: more than the 4096 bytes that qemu-io reads at once. It looks for the next command only when its input has
 * something to read, whatever it has read already; what is left of this keeps it looking.
 */
const PADDING = `${' '.repeat(8191)}\n`;

export class QemuIo {
  readonly processId: number;
  readonly #commands: Pipe;
  readonly #answers: Pipe;
  readonly #buffer = Buffer.alloc(ANSWER_BYTES);
  readonly #ended: Promise<void>;
  #batches = 0;

  /** Starts qemu-io in `directory`, under the words `wrapper` gives for its pipe of answers (a tracer's), if any. */
  constructor(directory: string, qemuIo: string, wrapper: (answersPath: string) => readonly string[]) {
    this.#commands = openPipe(directory, 'commands');
    this.#answers = openPipe(directory, 'answers');
    const [program, ...words] = [...wrapper(this.#answers.path), qemuIo];
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
    // Prompts for the padding may still come.
    if (this.#batches > 0) return this.batch([words]);
    this.#send(`${words}\n`);
    const said = this.#answer(words);
    if (said !== '') throw new Qcow2Error('IO', `qemu-io failed at "${words}": ${said}`);
  }

  /**
   * Has `commands` executed in their order, sent ahead, so that none waits for this process to have seen the answer to the one before.
   * @throws Qcow2Error IO with qemu-io's own words when one fails, or when qemu-io ended.
   */
  batch(commands: readonly string[]): void {
    let lines = '';
    for (const words of commands) {
      if (lines.length + words.length >= BATCH_BYTES) {
        this.#batch(lines);
        lines = '';
      }
      lines += `${words}\n`;
    }
    if (lines !== '') this.#batch(lines);
  }

  /** A command that qemu-io does not know, and names when it comes to it, marks the end. */
  #batch(lines: string): void {
    const mark = `end-of-batch-${++this.#batches}`;
    this.#send(`${lines}${mark}\n${PADDING}`);
    const end = `command "${mark}" not found\n`;
    const text = this.#read(mark, (received) => received.includes(end));
    const said = message(text.slice(0, text.indexOf(end)).replaceAll(PROMPT, ''));
    if (said !== '') throw new Qcow2Error('IO', `qemu-io failed in a batch of commands: ${said}`);
  }

  #send(text: string): void {
    const bytes = Buffer.from(text);
    try {
      for (let done = 0; done < bytes.length; ) done += fs.writeSync(this.#commands.write, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
    }
  }

  /** Ends qemu-io and waits until it is gone. */
  async end(): Promise<void> {
    fs.closeSync(this.#commands.write);
    await this.#ended;
    fs.closeSync(this.#answers.read);
  }

  /** Waits for the prompt; returns what came before it on one line. */
  #answer(words: string): string {
    return message(this.#read(words, (text) => text.endsWith(PROMPT)).slice(0, -PROMPT.length));
  }

  /** What qemu-io says until that is all; `words` are what it was asked last. */
  #read(words: string, isAll: (text: string) => boolean): string {
    let text = '';
    while (!isAll(text)) {
      const bytes = fs.readSync(this.#answers.read, this.#buffer);
      if (bytes === 0) throw new Qcow2Error('IO', `qemu-io ended at "${words}": ${message(text)}`);
      text += this.#buffer.toString('utf8', 0, bytes);
      if (text.length > LONGEST_ANSWER) text = text.slice(-LONGEST_ANSWER / 2);
    }
    return text;
  }
}

function message(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, ' ');
  return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}...` : line;
}

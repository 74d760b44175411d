/**
 * The private folder of a session: pipes, links to the files that it works on, and the tracer's logs.
 *
 * Invariant: it lies next to the image, so that whoever removes the image's folder removes it too, even if this process is
 * killed; nothing is left anywhere else.
 */
import fs from 'node:fs';
import path from 'node:path';
import { DATA_LINK } from './commands.ts';

/** In memory where there is such a place: what is to be written must not disturb the disk that is measured. */
const MEMORY = '/dev/shm';

export class SessionFolder {
  readonly path: string;
  readonly #data: number;
  readonly #onExit = () => fs.rmSync(this.path, { recursive: true, force: true });

  /** `image`: resolved path of the image, because strace knows files by their resolved names only. */
  constructor(image: string) {
    this.path = fs.mkdtempSync(`${image}.qemu-`);
    process.once('exit', this.#onExit);
    this.#data = openUnnamedFile(fs.existsSync(MEMORY) ? MEMORY : this.path);
    this.link(DATA_LINK, `/proc/${process.pid}/fd/${this.#data}`);
  }

  /** Gives `file` the name `name` in this folder. */
  link(name: string, file: string): void {
    fs.symlinkSync(path.resolve(file), this.file(name));
  }

  /** Path for a file of its own. */
  file(name: string): string {
    return path.join(this.path, name);
  }

  /** Puts the bytes of the next write where the program will take them from. */
  setData(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      done += fs.writeSync(this.#data, bytes, done, bytes.length - done, done);
    }
  }

  remove(): void {
    process.removeListener('exit', this.#onExit);
    fs.closeSync(this.#data);
    fs.rmSync(this.path, { recursive: true, force: true });
  }
}

function openUnnamedFile(directory: string): number {
  const folder = fs.mkdtempSync(path.join(directory, 'cowbench-qemu-'));
  try {
    return fs.openSync(path.join(folder, 'data'), 'w+');
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

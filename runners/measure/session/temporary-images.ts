/**
 * The folder that holds the images of a run.
 *
 * Invariant: after `remove` nothing of it is left, unless the images are to be kept. It is also removed when the process
 * ends in any way that lets it act at all.
 */
import fs from 'node:fs';
import path from 'node:path';
import { creationFailure } from '../../console/creation-failure.ts';
import { UsageError } from '../../console/errors.ts';

export class TemporaryImages {
  readonly folder: string;
  readonly #keep: boolean;
  readonly #onExit = () => this.remove();

  /** @throws UsageError when `directory` does not exist, is no directory, or cannot be written. */
  constructor(directory: string, keep: boolean) {
    this.#keep = keep;
    try {
      this.folder = fs.mkdtempSync(path.join(directory, 'cowbench-'));
    } catch (error) {
      throw new UsageError(`--dir ${directory}: ${creationFailure(directory, error)}`, { cause: error });
    }
    process.once('exit', this.#onExit);
  }

  /** Path for an image; nothing is there yet. */
  imageFile(name: string): string {
    return path.join(this.folder, `${name.replaceAll(/[^\w.+-]+/g, '-')}.qcow2`);
  }

  /** The image and its backing image have served. */
  discard(imageFile: string): void {
    if (this.#keep) return;
    fs.rmSync(imageFile, { force: true });
    fs.rmSync(`${imageFile}.backing`, { force: true });
  }

  remove(): void {
    process.removeListener('exit', this.#onExit);
    if (!this.#keep) fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

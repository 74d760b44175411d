/** Appends samples to the file beside the record of their run; `run-samples.ts` reads them. */
import fs from 'node:fs';
import path from 'node:path';
import { type RunSample, sampleLine, samplesFile } from './run-samples.ts';
import { cannotWrite, syncDirectory } from './store.ts';

export class SampleLog {
  readonly #file: string;
  #descriptor: number | null = null;
  readonly #keeps: boolean;
  #bytes = 0;

  /** `keeps`: what the file has already stays; otherwise the record has it, and it goes with the first sample. */
  constructor(recordFile: string, { keeps }: { readonly keeps: boolean }) {
    this.#file = samplesFile(recordFile);
    this.#keeps = keeps;
  }

  /**
   * When it returns, the sample survives a power cut.
   * @throws RecordError when the file system refuses; then nothing of the sample is in the file.
   */
  append(sample: RunSample): void {
    const line = Buffer.from(sampleLine(sample));
    try {
      this.#descriptor ??= this.#open();
      fs.writeFileSync(this.#descriptor, line);
      fs.fdatasyncSync(this.#descriptor);
      this.#bytes += line.length;
    } catch (error) {
      this.#cutOff();
      throw cannotWrite(this.#file, error);
    }
  }

  /** The record has them all. */
  remove(): void {
    try {
      fs.rmSync(this.#file, { force: true });
    } catch (error) {
      throw cannotWrite(this.#file, error);
    }
  }

  close(): void {
    if (this.#descriptor !== null) fs.closeSync(this.#descriptor);
    this.#descriptor = null;
  }

  #open(): number {
    const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND } = fs.constants;
    const begin = this.#keeps ? 0 : O_TRUNC;
    const descriptor = fs.openSync(this.#file, O_WRONLY | O_CREAT | O_APPEND | begin, 0o666);
    syncDirectory(path.dirname(this.#file));
    this.#bytes = fs.fstatSync(descriptor).size;
    return descriptor;
  }

  /** The error that brought us here is the one to report. */
  #cutOff(): void {
    try {
      if (this.#descriptor !== null) fs.ftruncateSync(this.#descriptor, this.#bytes);
    } catch {}
  }
}

/**
 * Streaming reader of fio iologs v2 and v3; see iolog-line.ts for the format and trace-file.ts for compression.
 *
 * Invariants:
 *  1. The trace is never held: one batch of requests, one chunk of text.
 *  2. One file (one disk) a trace; a second name is an error unless {@link IologOptions.file} picks one, or
 *     {@link IologOptions.places} puts all of them on one disk.
 *  3. `sync`, `datasync` and `syncfs` are flushes, `trim` is a discard. A `wait` of v2, of whichever file, delays the times of
 *     what follows; v3 has timestamps instead, and its `wait` is ignored, as fio does.
 */
import { quoted, TraceError } from './errors.ts';
import type { IologChanges } from './iolog-changes.ts';
import {
  type IologLimits,
  type IologLine,
  IologLineError,
  type IologVersion,
  iologHeader,
  parseIologLine,
} from './iolog-line.ts';
import { BATCH_REQUESTS, type GuestRequest, type RequestStream } from './request.ts';
import { type ContentSink, readLines } from './trace-file.ts';
import type { TimeUnit } from './trace-times.ts';

/** A name for the requests from a line on, yielded as a `mark`. */
export interface LineMark {
  /** 1-based line of the expanded trace. */
  readonly line: number;
  readonly text: string;
}

export interface IologOptions extends IologLimits {
  /** The file of the trace to replay, when it names several. */
  readonly file?: string;
  /** Replays all files: where on the disk each begins, in bytes, multiples of 512. */
  readonly places?: ReadonlyMap<string, number>;
  /** Is given every request with the file that it names, instead of an error where there are several. */
  readonly onRequest?: (file: string, request: GuestRequest) => void;
  /** Records what is not replayed as it is. */
  readonly changes?: IologChanges;
  /** Unit of the timestamps of v3, by default microseconds. */
  readonly unit?: TimeUnit;
  /** The time of what comes before the first `wait` of v2; without it that has none. */
  readonly startUs?: number;
  /** Marks to put into the stream, in ascending order of lines. */
  readonly marks?: readonly LineMark[];
  /** Is given the bytes of the trace as they are read, uncompressed. */
  readonly content?: ContentSink;
}

/** Reads the iolog at `path`. The stream throws {@link TraceError} naming file and line. */
export async function* readIolog(path: string, options: IologOptions = {}): RequestStreamGenerator {
  const lines = new IologLines(path, options);
  let batch: GuestRequest[] = [];
  for await (const texts of readLines(path, options.content)) {
    for (const text of texts) {
      lines.take(text, batch);
      if (batch.length >= BATCH_REQUESTS) {
        yield batch;
        batch = [];
      }
    }
  }
  lines.end();
  if (batch.length > 0) yield batch;
}

type RequestStreamGenerator = RequestStream & AsyncGenerator<readonly GuestRequest[], void, void>;

/** The state between lines: header seen, file in use, time waited. */
class IologLines {
  readonly #path: string;
  readonly #options: IologOptions;
  #version: IologVersion | undefined;
  #line = 0;
  #file: string | undefined;
  #waitedUs: number | undefined;
  #nextMark = 0;

  constructor(path: string, options: IologOptions) {
    this.#path = path;
    this.#options = options;
    this.#file = options.file;
    this.#waitedUs = options.startUs;
  }

  /** Appends what the next line asks for to `batch`. */
  take(text: string, batch: GuestRequest[]): void {
    this.#line++;
    if (this.#version === undefined) {
      this.#version = this.#readHeader(text);
      return;
    }
    this.#markLine(batch);
    if (text.trim() === '') return;
    const line = this.#parse(text, this.#version);
    if (line.kind === 'wait' && this.#version === 2) this.#waitedUs = this.#waited(line.pauseUs);
    if (!this.#concernsDisk(line.file)) return;
    this.#options.changes?.add(line);
    if (line.kind !== 'request') return;
    const request = this.#timed(line.request);
    this.#options.onRequest?.(line.file, request);
    batch.push(this.#placed(line.file, request));
  }

  #waited(pauseUs: number): number {
    const sum = (this.#waitedUs ?? 0) + pauseUs;
    if (Number.isSafeInteger(sum)) return sum;
    throw this.#error(`the waits up to here are longer than 2^53 microseconds`);
  }

  #markLine(batch: GuestRequest[]): void {
    const marks = this.#options.marks ?? [];
    while (this.#nextMark < marks.length && marks[this.#nextMark]!.line <= this.#line) {
      batch.push({ op: 'mark', text: marks[this.#nextMark]!.text });
      this.#nextMark++;
    }
  }

  end(): void {
    if (this.#version === undefined) throw this.#error('empty file, expected the header of a fio iolog');
  }

  #readHeader(text: string): IologVersion {
    const header = text.trim();
    if (header === iologHeader(3)) return 3;
    if (header === iologHeader(2)) return 2;
    throw this.#error(`no header of a fio iolog ("${iologHeader(2)}" or "${iologHeader(3)}"): ${quoted(text)}`);
  }

  #parse(text: string, version: IologVersion): IologLine {
    try {
      return parseIologLine(text, version, this.#options);
    } catch (error) {
      if (error instanceof IologLineError) throw this.#error(error.message);
      throw error;
    }
  }

  #concernsDisk(file: string): boolean {
    const { places, onRequest } = this.#options;
    if (places !== undefined) return places.has(file);
    if (onRequest !== undefined && this.#options.file === undefined) return true;
    if (this.#options.file !== undefined) return file === this.#options.file;
    this.#file ??= file;
    if (file === this.#file) return true;
    throw this.#error(
      `two files, ${quoted(this.#file)} and ${quoted(file)}; --file NAME picks one, --files all replays all`,
    );
  }

  #timed(request: GuestRequest): GuestRequest {
    const { unit } = this.#options;
    if (this.#waitedUs !== undefined && this.#version === 2)
      return { ...request, atUs: this.#waitedUs } as GuestRequest;
    if (unit !== 'ns' || !('atUs' in request)) return request;
    return { ...request, atUs: Math.floor(request.atUs! / 1000) };
  }

  #placed(file: string, request: GuestRequest): GuestRequest {
    const place = this.#options.places?.get(file) ?? 0;
    return place === 0 || !('offset' in request) ? request : { ...request, offset: place + request.offset };
  }

  #error(problem: string): TraceError {
    return new TraceError(this.#path, this.#line === 0 ? undefined : this.#line, problem);
  }
}

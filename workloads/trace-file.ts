/**
 * The lines of a trace file, plain or compressed: gzip and zstd are detected from their magic, not from the file's name.
 *
 * Invariants:
 *  1. Memory stays bounded whatever the file holds: one chunk, and a line of at most {@link MAX_LINE_BYTES}.
 *  2. The file is closed when the iteration ends, however it ends.
 */
import { closeSync, constants, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import { pipeline, type Readable } from 'node:stream';
import zlib from 'node:zlib';
import { TraceError } from './errors.ts';

export const MAX_LINE_BYTES = 4096;

const NEWLINE = 10;
const GZIP_MAGIC = Buffer.of(0x1f, 0x8b);
const ZSTD_MAGIC = 0xfd2fb528;

/** Takes in the bytes of a file as they are read, for example a hash. */
export interface ContentSink {
  update(bytes: Uint8Array): unknown;
}

/**
 * Yields the lines of `file` without their line ends, some hundred at a time; its bytes, uncompressed, go to `content`.
 * Throws {@link TraceError}.
 */
export async function* readLines(file: string, content?: ContentSink): AsyncGenerator<string[]> {
  const stream = openTrace(file);
  let rest = '';
  let lineCount = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      content?.update(chunk);
      const lines = splitLines(rest, chunk);
      rest = lines.pop()!;
      checkLengths(file, lineCount, [...lines, rest]);
      lineCount += lines.length;
      if (lines.length > 0) yield lines;
    }
  } catch (error) {
    if (error instanceof TraceError) throw error;
    throw new TraceError(file, lineCount === 0 ? undefined : lineCount + 1, describeFailure(error), error);
  } finally {
    stream.destroy();
  }
  if (rest !== '') yield [rest];
}

/** The lines of `rest` and `chunk`; the last one is what follows the last line end. */
function splitLines(rest: string, chunk: Buffer): string[] {
  if (chunk.indexOf(NEWLINE) < 0) return [rest + chunk.toString('latin1')];
  return (rest + chunk.toString('latin1')).split('\n');
}

function checkLengths(file: string, lineCount: number, lines: readonly string[]): void {
  const long = lines.findIndex((line) => line.length > MAX_LINE_BYTES);
  if (long >= 0) throw new TraceError(file, lineCount + long + 1, `line is longer than ${MAX_LINE_BYTES} bytes`);
}

function openTrace(file: string): Readable {
  let descriptor: number;
  try {
    // Without blocking: a named pipe that nobody writes to must become an error, not a wait without end.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new TraceError(file, undefined, describeFailure(error), error);
  }
  return decompressed(file, descriptor);
}

function decompressed(file: string, descriptor: number): Readable {
  const magic = Buffer.alloc(4);
  try {
    if (!fstatSync(descriptor).isFile()) throw new TraceError(file, undefined, 'not a regular file');
    readSync(descriptor, magic, 0, 4, 0);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  const bytes = createReadStream(file, { fd: descriptor, start: 0 });
  const isZstd = magic.readUInt32LE(0) === ZSTD_MAGIC;
  if (isZstd && zlib.createZstdDecompress === undefined) {
    closeSync(descriptor);
    throw new TraceError(file, undefined, `zstd needs Node 22.15 or newer; this is ${process.versions.node}`);
  }
  if (!isZstd && !magic.subarray(0, 2).equals(GZIP_MAGIC)) return bytes;
  const expand = isZstd ? zlib.createZstdDecompress() : zlib.createGunzip();
  // The callback is required; errors reach the reader of the expanded side, which pipeline destroys with them.
  return pipeline(bytes, expand, () => {});
}

function describeFailure(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EACCES') return 'permission denied';
  if (code === 'Z_BUF_ERROR' || message === 'unexpected end of file') return 'compressed file is truncated';
  if (code?.startsWith('Z_') || code?.startsWith('ZSTD_')) return `compressed file is damaged (${message})`;
  return message;
}

/** `cowbench image compare`: do two images hold the same disk? Exit codes as of `qemu-img compare`. */
import { MiB, Qcow2Error, SECTOR_BYTES } from '../../engine/index.ts';
import { oneLine } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { openDisk } from './disks.ts';
import { type Extent, readsAsZeros } from './extents.ts';
import { type Source, sourceOf } from './source.ts';
import { ACCESS, FORMAT, type Given, PROGRESS, QUIET, SHARE, SOURCE_CACHE, type Subcommand } from './subcommand.ts';
import { type Work, withWork } from './work.ts';

const CHUNK_BYTES = 2 * MiB;
const DIFFERENT = 1;
/** Where it cannot be found out what an image holds, and where that cannot be read. */
const UNKNOWN_ALLOCATION = 3;
const UNREADABLE = 4;

export const compare: Subcommand = {
  name: 'compare',
  words: '<file1> <file2>',
  summary: 'check whether two images have the same content',
  options: {
    ...FORMAT,
    format2: {
      ...value('FORMAT'),
      alias: 'F',
      describe: 'format of the second image [default: detected from the magic]',
    },
    strict: {
      type: 'boolean',
      alias: 's',
      describe: 'sizes and allocation must match too',
    },
    ...PROGRESS,
    ...QUIET,
    ...SOURCE_CACHE,
    ...ACCESS,
    ...SHARE,
  },
  examples: [
    ['compare disk.qcow2 disk.raw', 'compare the contents'],
    ['compare -s -f qcow2 -F qcow2 a.qcow2 b.qcow2', 'size and allocation too'],
  ],
  run(given) {
    return withWork(
      given.terminal,
      { quiet: given.flag('quiet'), showProgress: given.flag('progress') },
      async (work) => {
        const say = (line: string) => {
          if (!given.flag('quiet')) given.terminal.print(line);
        };
        try {
          const difference = await compareFiles(given, work, say);
          say(difference ?? 'Images are identical.');
          if (difference !== null) given.terminal.exitWith(DIFFERENT);
        } catch (error) {
          if (!(error instanceof CannotCompare)) throw error;
          given.terminal.complain(`cowbench: ${oneLine(error.message)}`);
          given.terminal.exitWith(error.exitCode);
        }
      },
    );
  },
};

class CannotCompare extends Error {
  override readonly name = 'CannotCompare';
  readonly exitCode: number;

  constructor(exitCode: number, { message }: Qcow2Error) {
    super(message);
    this.exitCode = exitCode;
  }
}

function orEndWith<Answer>(exitCode: number, ask: () => Answer): Answer {
  try {
    return ask();
  } catch (error) {
    throw error instanceof Qcow2Error ? new CannotCompare(exitCode, error) : error;
  }
}

async function compareFiles(given: Given, work: Work, say: (line: string) => void): Promise<string | null> {
  const options = { access: given.access(), mode: given.hostCache('source-cache') };
  const first = sourceOf(openDisk(given.required('file1'), { ...options, format: given.format() }));
  try {
    const second = sourceOf(openDisk(given.required('file2'), { ...options, format: given.format('format2') }));
    try {
      return await differenceOf(first, second, given.flag('strict'), work, say);
    } finally {
      second.close();
    }
  } finally {
    first.close();
  }
}

/** The first difference as a sentence, or null. A longer disk must hold only zeros past the end of the other. */
async function differenceOf(
  first: Source,
  second: Source,
  strict: boolean,
  work: Work,
  say: (line: string) => void,
): Promise<string | null> {
  const longer = first.sizeBytes >= second.sizeBytes ? first : second;
  const common = Math.min(first.sizeBytes, second.sizeBytes);
  if (strict && longer.sizeBytes > common) return 'Strict mode: Image size mismatch!';
  work.start(longer.sizeBytes);
  for (let at = 0; at < longer.sizeBytes; ) {
    if (at === common) say('Warning: Image size mismatch!');
    const isShared = at < common;
    const left = (isShared ? common : longer.sizeBytes) - at;
    const stretch = isShared ? compareAt(first, second, at, left, strict) : compareWithZeros(longer, at, left);
    if (stretch.difference !== null) return stretch.difference;
    at += stretch.lengthBytes;
    await work.progress(at);
  }
  return null;
}

interface Stretch {
  readonly lengthBytes: number;
  readonly difference: string | null;
}

function compareAt(first: Source, second: Source, at: number, left: number, strict: boolean): Stretch {
  const one = extentOf(first, at, left);
  const other = extentOf(second, at, left);
  const alike = Math.min(one.lengthBytes, other.lengthBytes);
  if (strict && (allocation(one) !== allocation(other) || (one.isHole ?? false) !== (other.isHole ?? false)))
    return { lengthBytes: alike, difference: `Strict mode: Offset ${at} block status mismatch!` };
  if (readsAsZeros(one) && readsAsZeros(other)) return { lengthBytes: alike, difference: null };
  if (readsAsZeros(one)) return compareWithZeros(second, at, alike);
  if (readsAsZeros(other)) return compareWithZeros(first, at, alike);
  const lengthBytes = Math.min(alike, CHUNK_BYTES);
  return {
    lengthBytes,
    difference: mismatch(at, firstDifference(read(first, at, lengthBytes), read(second, at, lengthBytes))),
  };
}

/** Whether it is stored, compressed or not: that is what strictness is about. */
function allocation({ stored, isPastBacking }: Extent): Extent['stored'] {
  // The end of a backing file is stored as much as its zeros are.
  if (isPastBacking) return 'zero';
  return stored === 'compressed' ? 'data' : stored;
}

function compareWithZeros(source: Source, at: number, left: number): Stretch {
  const extent = extentOf(source, at, left);
  if (readsAsZeros(extent)) return { lengthBytes: extent.lengthBytes, difference: null };
  const lengthBytes = Math.min(extent.lengthBytes, CHUNK_BYTES);
  const bytes = read(source, at, lengthBytes);
  return { lengthBytes, difference: mismatch(at, firstDifference(bytes, new Uint8Array(lengthBytes))) };
}

function extentOf(source: Source, at: number, left: number): Extent {
  return orEndWith(UNKNOWN_ALLOCATION, () => source.extentAt(at, left));
}

function read(source: Source, at: number, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  orEndWith(UNREADABLE, () => source.read(at, bytes));
  return bytes;
}

/** Offset of the first sector that differs, or null. */
function firstDifference(one: Uint8Array, other: Uint8Array): number | null {
  if (Buffer.compare(one, other) === 0) return null;
  let at = 0;
  while (Buffer.compare(one.subarray(at, at + SECTOR_BYTES), other.subarray(at, at + SECTOR_BYTES)) === 0)
    at += SECTOR_BYTES;
  return at;
}

function mismatch(start: number, at: number | null): string | null {
  return at === null ? null : `Content mismatch at offset ${start + at}!`;
}

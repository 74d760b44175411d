/** `cowbench image convert`: a copy of one or several disks, in another format or with other options. */
import { fileBeside, identifyFile, KiB, MiB, openFile, type Qcow2Image, SECTOR_BYTES } from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { integer } from '../console/option-values.ts';
import { type CopyOptions, copyDisk } from './copy.ts';
import { bitmapsToCopy, type CopiedBitmaps, copyBitmaps } from './copy-bitmaps.ts';
import {
  filesOf,
  type ImageFormat,
  imageFormat,
  lockedFor,
  openDisk,
  openQcow2,
  refuseReplacing,
  warnOfForeignRaw,
} from './disks.ts';
import { asksForHelp, CREATE_OPTIONS, type FormatOptions, optionHelp, parseFormatOptions } from './format-options.ts';
import { makeImage, planImage, rawTarget } from './new-image.ts';
import { printable } from './printable.ts';
import { salvaged } from './salvage.ts';
import { parseSize } from './sizes.ts';
import { concatenated, type Source, sourceOf } from './source.ts';
import {
  ACCESS,
  CACHE,
  checkRate,
  FORMAT,
  type Given,
  PROGRESS,
  QUIET,
  RATE,
  SHARE,
  SOURCE_CACHE,
  type Subcommand,
} from './subcommand.ts';
import { type Work, withWork } from './work.ts';

/** A block of the usual file systems: less would not become a hole. */
const RAW_UNIT_BYTES = 4096;
const LEAST_ZERO_BYTES_MAX = 16 * MiB;
const COROUTINES_MAX = 16;

export const convert: Subcommand = {
  name: 'convert',
  words: '[files..]',
  summary: 'copy one or more images to a new image, in any format; the last file is the target',
  options: {
    ...FORMAT,
    'output-format': { ...value('FORMAT'), alias: 'O', default: 'raw', describe: 'format of the target: raw or qcow2' },
    options: { ...value('NAME=VALUE,…'), alias: 'o', describe: 'options of the target; -o help lists them' },
    backing: {
      ...value('FILE'),
      alias: 'B',
      describe: 'backing file of the target; data that the source takes from it is not copied',
    },
    'backing-format': { ...value('FORMAT'), alias: 'F', describe: 'format of the backing file (required)' },
    snapshot: {
      ...value('SNAPSHOT'),
      alias: 'l',
      describe: 'copy this snapshot (ID, or else tag; or snapshot.id=ID,snapshot.name=TAG)',
    },
    compress: { type: 'boolean', alias: 'c', describe: 'compress every cluster (qcow2)' },
    'sparse-size': {
      ...value('SIZE'),
      alias: 'S',
      default: '4k',
      describe: 'skip zeros of at least this size; 0: skip none',
    },
    'target-is-zero': {
      type: 'boolean',
      describe: 'with -n: the target already reads as zeros',
    },
    salvage: { type: 'boolean', describe: 'copy what can be read; what cannot becomes zeros, with a warning' },
    'copy-offload': { type: 'boolean', alias: 'C', describe: 'ignored (accepted for compatibility)' },
    bitmaps: { type: 'boolean', describe: 'copy persistent bitmaps too (qcow2 to qcow2)' },
    'skip-broken-bitmaps': { type: 'boolean', describe: 'with --bitmaps: leave out inconsistent ones' },
    existing: { type: 'boolean', alias: 'n', describe: 'write into an existing image' },
    ...PROGRESS,
    ...QUIET,
    ...CACHE,
    ...SOURCE_CACHE,
    'out-of-order': { type: 'boolean', alias: 'W', describe: 'ignored (accepted for compatibility)' },
    ...RATE,
    coroutines: { ...value('N'), alias: 'm', describe: 'ignored (accepted for compatibility)' },
    ...ACCESS,
    ...SHARE,
  },
  examples: [
    ['convert -p -O qcow2 disk.raw disk.qcow2', 'raw to qcow2, with progress'],
    ['convert -c -O qcow2 -o compression_type=zstd big.qcow2 s.qcow2', 'compressed'],
    ['convert -l before-upgrade disk.qcow2 old.raw', 'a snapshot as a raw disk'],
    ['convert -O qcow2 --allow-backing overlay.qcow2 flat.qcow2', 'without a backing file'],
    ['convert part1.raw part2.raw whole.raw', 'concatenate'],
  ],
  run(given) {
    const format = imageFormat('output-format', given.required('output-format'));
    if (asksForHelp(given.texts('options'))) {
      given.terminal.print(optionHelp(`Options for ${format}:`, knownOptions(format)));
      return;
    }
    checkRate(given);
    integer('coroutines', given.text('coroutines') ?? '8', 1, COROUTINES_MAX);
    const files = given.texts('files');
    if (files.length < 2) throw new UsageError('convert needs a source and a target');
    const quiet = given.flag('quiet');
    const isWritingOver = given.flag('existing');
    const afterInterruption = isWritingOver ? 'the target holds part of the copy' : 'nothing was changed';
    const work = { quiet, showProgress: given.flag('progress'), afterInterruption };
    return withWork(given.terminal, work, (work) => copyAll(given, files.slice(0, -1), files.at(-1)!, format, work));
  },
};

function knownOptions(format: ImageFormat): Record<string, string> {
  // The size is that of the source.
  const { size: _, ...known } = CREATE_OPTIONS[format] as Record<string, string>;
  return known;
}

async function copyAll(
  given: Given,
  names: readonly string[],
  target: string,
  format: ImageFormat,
  work: Work,
): Promise<void> {
  const options = targetOptions(given, format);
  if (names.length > 1 && options.has('backing_file'))
    throw new UsageError('--backing: a concatenation of several images has no common backing file');
  const bitmaps = bitmapsToCopy(given, names, format, options);
  const source = openSources(given, names);
  try {
    const name = options.get('backing_file');
    if (given.flag('existing')) await writeOver(given, source, target, format, work, name, bitmaps);
    else await writeNew(given, source, target, format, options, work, bitmaps);
  } finally {
    source.close();
  }
}

function openSources(given: Given, names: readonly string[]): Source {
  const options = {
    access: given.access(),
    format: given.format(),
    mode: given.hostCache('source-cache'),
    snapshot: given.text('snapshot'),
  };
  const opened: Source[] = [];
  try {
    for (const name of names) opened.push(sourceOf(openDisk(name, options)));
    const all = concatenated(opened);
    return given.flag('salvage') ? salvaged(all, (line) => given.warn(line)) : all;
  } catch (error) {
    for (const source of opened) source.close();
    throw error;
  }
}

/** `-B` and `-F` are other words for two of the format's options. */
function targetOptions(given: Given, format: ImageFormat): FormatOptions {
  const options = new Map(parseFormatOptions(given.texts('options'), knownOptions(format)));
  const backing = given.text('backing');
  const backingFormat = given.text('backing-format');
  if ((backing ?? backingFormat) !== undefined && format === 'raw')
    throw new UsageError('--backing: a raw image cannot have a backing file');
  if (backing !== undefined) options.set('backing_file', backing);
  if (backingFormat !== undefined) options.set('backing_fmt', backingFormat);
  if (!given.flag('existing') && options.has('backing_file') !== options.has('backing_fmt'))
    throw new UsageError('the backing file of the target and its format must be given together (-B FILE -F FORMAT)');
  if (given.flag('compress') && format === 'raw') throw new UsageError('--compress: a raw image cannot be compressed');
  refuseContradictions(given, options);
  return options;
}

function refuseContradictions(given: Given, options: FormatOptions): void {
  const refuse = (why: string) => {
    throw new UsageError(why);
  };
  if (given.flag('compress') && (options.get('preallocation') ?? 'off') !== 'off')
    refuse('--compress: what is preallocated is not compressed');
  if (given.flag('existing') && [...options.keys()].some((name) => !name.startsWith('backing_')))
    refuse('--existing: options of the target have no use for an image that exists');
  if (given.flag('target-is-zero') && !given.flag('existing'))
    refuse('--target-is-zero is about a target that exists (-n)');
  if (given.flag('target-is-zero') && options.has('backing_file'))
    refuse('--target-is-zero: a target with a backing file does not read as zeros');
  if (given.flag('copy-offload') && given.flag('compress'))
    refuse('--copy-offload: what is compressed cannot be copied by the kernel');
  if (given.flag('copy-offload') && given.flag('salvage')) refuse('--copy-offload: the kernel cannot salvage');
}

async function writeNew(
  given: Given,
  source: Source,
  target: string,
  format: ImageFormat,
  options: FormatOptions,
  work: Work,
  bitmaps: CopiedBitmaps,
): Promise<void> {
  const mode = given.hostCache('cache') ?? 'writeback';
  const plan = { ...planImage(target, format, source.sizeBytes, options), mode };
  const backingName = options.get('backing_file');
  const backingPath = backingName === undefined ? null : fileBeside(target, backingName);
  refuseReplacing(target, [...source.files, ...(backingPath === null ? [] : [backingPath])]);
  const backing = backingPath === null ? null : openBase(given, backingPath, options.get('backing_fmt')!);
  try {
    const clusterBytes = plan.options.clusterSizeBytes ?? 64 * KiB;
    await makeImage(plan, work, backing, async ({ target, image }) => {
      const unitBytes = image === undefined ? 0 : clusterBytes / (plan.options.extendedL2 ? 32 : 1);
      const copy = { ...copyOptions(given, unitBytes, clusterBytes), skipsBacking: backing !== null };
      await copyDisk(source, target, { ...copy, targetIsZero: backing === null }, work);
      if (image !== undefined) copyBitmaps(given, bitmaps, image);
    });
  } finally {
    backing?.close?.();
  }
}

function openBase(given: Given, filePath: string, formatText: string): ReturnType<typeof openDisk> {
  const format = imageFormat('backing-format', formatText);
  if (format === 'raw') warnOfForeignRaw(filePath, (line) => given.warn(line));
  return openDisk(filePath, { access: given.access(), format });
}

async function writeOver(
  given: Given,
  source: Source,
  target: string,
  format: ImageFormat,
  work: Work,
  backing: string | undefined,
  bitmaps: CopiedBitmaps,
): Promise<void> {
  identifyFile(target);
  refuseReplacing(target, source.files);
  const mode = given.hostCache('cache') ?? 'writeback';
  const targetIsZero = given.flag('target-is-zero');
  if (format === 'raw') {
    const file = openFile(target, { mode, ...lockedFor('raw-write', target, given.writeAccess()) });
    try {
      refuseSmaller(target, file.sizeBytes(), source.sizeBytes);
      await copyDisk(source, rawTarget(file), { ...copyOptions(given, 0, 0), targetIsZero }, work);
      file.sync('guest-flush');
    } finally {
      file.close();
    }
    return;
  }
  const image = openQcow2(target, { access: given.writeAccess(), mode }, false);
  try {
    refuseSmaller(target, image.sizeBytes, source.sizeBytes);
    if (backing !== undefined) refuseOtherBase(target, image, backing);
    const copy = copyOptions(given, image.clusterSizeBytes, image.clusterSizeBytes);
    await copyDisk(source, image, { ...copy, targetIsZero, skipsBacking: backing !== undefined }, work);
    copyBitmaps(given, bitmaps, image);
    image.flush();
  } finally {
    image.close();
  }
}

/** What the source takes from its backing file is left out only where the target has the same one. */
function refuseOtherBase(target: string, { backing }: Qcow2Image, name: string): void {
  const wanted = identifyFile(fileBeside(target, name)).key;
  const present = filesOf(backing)[0];
  if (present !== undefined && identifyFile(present).key === wanted) return;
  throw new UsageError(`--backing ${printable(name)} is not the backing file of ${printable(target)}`);
}

function refuseSmaller(target: string, targetBytes: number, sourceBytes: number): void {
  if (targetBytes >= sourceBytes) return;
  throw new UsageError(`${printable(target)} has ${targetBytes} bytes, the source ${sourceBytes}`);
}

/** `unitBytes`: what the target can leave out on its own; 0 for a raw one. */
function copyOptions(given: Given, unitBytes: number, clusterBytes: number): CopyOptions {
  const leastZeroBytes = parseSize('-S', given.required('sparse-size'));
  if (leastZeroBytes % SECTOR_BYTES !== 0 || leastZeroBytes > LEAST_ZERO_BYTES_MAX)
    throw new UsageError(`-S ${leastZeroBytes}: expected a multiple of 512 up to 16M`);
  return {
    unitBytes: Math.max(unitBytes, RAW_UNIT_BYTES),
    leastZeroBytes,
    targetIsZero: false,
    skipsBacking: false,
    compressedClusterBytes: given.flag('compress') ? clusterBytes : null,
  };
}

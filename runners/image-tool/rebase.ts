/** `cowbench image rebase`: an image over another backing file, with the same content as before. */
import { amendImage, describeImage, fileBeside, identifyFile, MiB, type Qcow2Image } from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { differingUnits } from './differences.ts';
import {
  type Access,
  type ImageFormat,
  imageFormat,
  type OpenDiskOptions,
  openDisk,
  openOver,
  openQcow2,
  openRegularFile,
  qcow2Only,
  warnOfForeignRaw,
} from './disks.ts';
import { isLeftToBacking, readsAsZeros } from './extents.ts';
import { printable } from './printable.ts';
import { emptySource, type Source, sourceOf } from './source.ts';
import {
  ACCESS,
  CACHE,
  FORMAT,
  type Given,
  PROGRESS,
  QUIET,
  SHARE,
  SOURCE_CACHE,
  type Subcommand,
} from './subcommand.ts';
import { type Work, withWork } from './work.ts';

const CHUNK_BYTES = 2 * MiB;
/** Passed over at once, so that Ctrl-C is heard. */
const SKIP_BYTES = 1024 * MiB;

export const rebase: Subcommand = {
  name: 'rebase',
  words: '<file>',
  summary: 'put an image over another backing file',
  options: {
    backing: {
      ...value('FILE'),
      alias: 'b',
      describe: 'the new backing file, from the folder of the image; empty: none',
    },
    'backing-format': {
      ...value('FORMAT'),
      alias: 'F',
      describe: 'format of the backing file, raw or qcow2 (required)',
    },
    unsafe: {
      type: 'boolean',
      alias: 'u',
      describe: 'change the name alone: the new file holds what the old one held',
    },
    ...FORMAT,
    ...CACHE,
    ...SOURCE_CACHE,
    ...PROGRESS,
    ...QUIET,
    ...ACCESS,
    ...SHARE,
  },
  examples: [
    [
      'rebase --allow-backing -b other.qcow2 -F qcow2 disk.qcow2',
      'what the two backing files differ in is copied first',
    ],
    ['rebase --allow-backing -b "" disk.qcow2', 'without a backing file'],
    ['rebase -u -b moved/base.qcow2 -F qcow2 disk.qcow2', 'the same backing file under another name'],
  ],
  run(given) {
    const file = given.required('file');
    qcow2Only(file, given.format(), 'a raw image has no backing file');
    const target = targetOf(given);
    const work = {
      quiet: given.flag('quiet'),
      showProgress: given.flag('progress'),
      afterInterruption: 'the image reads as before, over its old backing file',
    };
    return withWork(given.terminal, work, async (work) => {
      // Held over both steps: between them nobody else may write.
      const held = openRegularFile(file, 'image-read', given.access());
      try {
        if (!given.flag('unsafe')) await copyDifferences(given, file, target, work);
        writeName(file, target, given.access());
      } finally {
        held.close();
      }
    });
  },
};

/** Null: no backing file. */
type Target = { readonly name: string; readonly format: ImageFormat } | null;

function targetOf(given: Given): Target {
  const name = given.text('backing');
  const formatText = given.text('backing-format');
  if (name === undefined && !given.flag('unsafe'))
    throw new UsageError('no backing file given (-b FILE, or -b "" for none)');
  if (name === undefined || name === '') {
    if (formatText !== undefined) throw new UsageError('a backing format without a backing file');
    return null;
  }
  if (formatText === undefined)
    throw new UsageError(`the format of backing file ${printable(name)} is not given (-F raw or -F qcow2)`);
  return { name, format: imageFormat('backing-format', formatText) };
}

function writeName(filePath: string, target: Target, access: Access): void {
  const file = openRegularFile(filePath, 'image-write', access);
  try {
    amendImage(file, { backingFile: target?.name ?? null, backingFormat: target?.format ?? null });
  } finally {
    file.close();
  }
}

async function copyDifferences(given: Given, filePath: string, target: Target, work: Work): Promise<void> {
  const access = given.access();
  const next = target === null ? emptySource() : openTarget(given, filePath, target);
  try {
    if (next.files.some((name) => identifyFile(name).key === identifyFile(filePath).key))
      throw new UsageError(`${printable(target!.name)} stands on ${printable(filePath)} itself`);
    const image = openImage(filePath, { access, mode: given.hostCache('cache') });
    try {
      await copyInto(image, next, work);
      image.flush();
    } finally {
      image.close();
    }
  } finally {
    next.close();
  }
}

/** Without a backing file there are zeros under the image, and they must be written where the new one holds something else. */
function openImage(filePath: string, options: OpenDiskOptions): Qcow2Image {
  const file = openRegularFile(filePath);
  const { backingFile, sizeBytes } = describeImage(file);
  file.close();
  if (backingFile !== null) return openQcow2(filePath, options, false);
  return openOver(filePath, { sizeBytes, read: (_offset, into) => void into.fill(0) }, options, false);
}

function openTarget(given: Given, filePath: string, { name, format }: NonNullable<Target>): Source {
  const backingPath = fileBeside(filePath, name);
  if (format === 'raw') warnOfForeignRaw(backingPath, (line) => given.warn(line));
  return sourceOf(openDisk(backingPath, { access: given.access(), format, mode: given.hostCache('source-cache') }));
}

/** Whatever the image leaves to its backing file, and the new one holds otherwise, becomes the image's own. */
async function copyInto(image: Qcow2Image, next: Source, work: Work): Promise<void> {
  const present = sourceOf(image);
  work.start(image.sizeBytes);
  for (let at = 0; at < image.sizeBytes; ) {
    const extent = present.extentAt(at, image.sizeBytes - at);
    const isOwn = !isLeftToBacking(extent) && extent.stored !== 'absent';
    const other = zerosOrExtent(next, at, extent.lengthBytes);
    const lengthBytes = Math.min(extent.lengthBytes, isOwn ? SKIP_BYTES : other.lengthBytes);
    if (isOwn || (readsAsZeros(extent) && other.isZero)) at += Math.min(lengthBytes, SKIP_BYTES);
    else at += takeOver(image, next, at, Math.min(lengthBytes, CHUNK_BYTES));
    await work.progress(at);
  }
}

/** How much is stored alike from `at` on; past the end of the new backing file are zeros. */
function zerosOrExtent(next: Source, at: number, lengthBytes: number): { lengthBytes: number; isZero: boolean } {
  if (at >= next.sizeBytes) return { lengthBytes, isZero: true };
  const extent = next.extentAt(at, Math.min(lengthBytes, next.sizeBytes - at));
  return { lengthBytes: extent.lengthBytes, isZero: readsAsZeros(extent) };
}

/** Writes what differs. Returns how much was looked at. */
function takeOver(image: Qcow2Image, next: Source, at: number, lengthBytes: number): number {
  const old = new Uint8Array(lengthBytes);
  const other = new Uint8Array(lengthBytes);
  image.read(at, old);
  const there = Math.max(0, Math.min(lengthBytes, next.sizeBytes - at));
  next.read(at, other.subarray(0, there));
  for (const { from, end } of differingUnits(old, other)) {
    const piece = old.subarray(from, end);
    if (piece.every((byte) => byte === 0)) image.writeZeroes(at + from, piece.length);
    else image.write(at + from, piece);
  }
  return lengthBytes;
}

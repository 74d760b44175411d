/** New images: from the options of `create` and `convert` to files under temporary names, filled, and then named. */
import {
  type BlockFile,
  type CreateOptions,
  createImage,
  fileBeside,
  type GuestDisk,
  type HostCacheMode,
  MiB,
  openFile,
  openImage,
  PREALLOCATIONS,
  type Preallocation,
  type Qcow2Image,
} from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { AtomicFile } from './atomic-file.ts';
import type { CopyTarget } from './copy.ts';
import type { ImageFormat } from './disks.ts';
import { choice, type FormatOptions, flag, versionOf } from './format-options.ts';
import { parseSize } from './sizes.ts';
import type { Work } from './work.ts';

/** How much is preallocated between two looks at Ctrl-C. */
const PREALLOCATION_STEP_BYTES = 256 * MiB;

const NOTHING: GuestDisk = { sizeBytes: 0, read: (_offset, into) => void into.fill(0) };

export interface NewImage {
  readonly path: string;
  readonly format: ImageFormat;
  readonly preallocation: Preallocation;
  /** How the host caches what is written. */
  readonly mode: HostCacheMode;
  /** For qcow2; of a raw image only the size counts. */
  readonly options: CreateOptions;
}

/** @throws UsageError naming the option that makes no sense. */
export function planImage(filePath: string, format: ImageFormat, sizeBytes: number, given: FormatOptions): NewImage {
  const preallocation = choice(given, 'preallocation', PREALLOCATIONS) ?? 'off';
  if (format === 'raw' && preallocation === 'metadata') {
    throw new UsageError('-o preallocation="metadata": a raw image has no metadata; use off, falloc or full');
  }
  const options: CreateOptions = format === 'raw' ? { sizeBytes } : { sizeBytes, ...qcow2Options(given) };
  if (preallocation !== 'off' && options.backingFile !== undefined && !options.extendedL2) {
    const why = 'only an image with extended_l2=on can have a backing file and be preallocated';
    throw new UsageError(`-o preallocation: ${why}`);
  }
  return { path: filePath, format, preallocation, options, mode: 'writeback' };
}

function qcow2Options(given: FormatOptions): Omit<CreateOptions, 'sizeBytes'> {
  const clusterText = given.get('cluster_size');
  const refcountText = given.get('refcount_bits');
  const backingFile = given.get('backing_file');
  const backingFormat = choice(given, 'backing_fmt', ['raw', 'qcow2']);
  const dataFile = given.get('data_file');
  const found = {
    clusterSizeBytes: clusterText === undefined ? undefined : parseSize('-o cluster_size', clusterText),
    refcountBits: refcountText === undefined ? undefined : parseSize('-o refcount_bits', refcountText),
    version: versionOf(given),
    compressionType: choice(given, 'compression_type', ['zlib', 'zstd']),
    extendedL2: flag(given, 'extended_l2'),
    lazyRefcounts: flag(given, 'lazy_refcounts'),
    backingFile,
    backingFormat,
    dataFile,
    dataFileRaw: flag(given, 'data_file_raw'),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** A new image that is being filled. */
export interface OpenNewImage {
  readonly target: CopyTarget;
  /** Undefined for a raw image. */
  readonly image: Qcow2Image | undefined;
}

/**
 * Makes the image, lets `fill` write to it, and gives it its name when all of that is durable. `backing` is what lies under it,
 * needed where it is written to. Nothing is left behind when anything throws.
 */
export async function makeImage(
  plan: NewImage,
  work: Work,
  backing: GuestDisk | null,
  fill?: (made: OpenNewImage) => Promise<void>,
): Promise<void> {
  using staged = new AtomicFile(plan.path);
  using dataFile = stageDataFile(plan);
  if (dataFile?.finalPath === staged.finalPath) throw new UsageError('-o data_file: names the image itself');
  if (plan.format === 'raw') await makeRaw(staged.path, plan, work, fill);
  else await makeQcow2(staged.path, dataFile?.path, plan, work, backing, fill);
  work.throwIfInterrupted();
  // The data file first: an image that names it must never be the only one of the two.
  dataFile?.commit();
  staged.commit();
}

/** Its name is kept in the header as it was given; like every name there it starts at the image's folder. */
function stageDataFile({ path: imagePath, options, preallocation }: NewImage): AtomicFile | null {
  if (options.dataFile === undefined) return null;
  if (options.dataFileRaw && preallocation !== 'off' && preallocation !== 'metadata') {
    throw new UsageError('-o preallocation: falloc and full cannot be combined with data_file_raw');
  }
  return new AtomicFile(fileBeside(imagePath, options.dataFile));
}

async function makeRaw(
  filePath: string,
  { options, preallocation, mode }: NewImage,
  work: Work,
  fill?: (made: OpenNewImage) => Promise<void>,
): Promise<void> {
  const file = openFile(filePath, { mode });
  try {
    file.truncate(options.sizeBytes);
    if (preallocation !== 'off') await takeRawSpace(file, 0, options.sizeBytes, preallocation, work);
    await fill?.({ target: rawTarget(file), image: undefined });
    file.sync('other');
  } finally {
    file.close();
  }
}

/** Takes the file system's space for a range of a raw image that holds only zeros so far. */
export async function takeRawSpace(
  file: BlockFile,
  from: number,
  end: number,
  how: Preallocation,
  work: Work,
): Promise<void> {
  if (from >= end) return;
  const isReserved = how === 'falloc' && file.preallocate(from, end - from);
  if (isReserved) return;
  const zeros = new Uint8Array(MiB);
  for (let at = from; at < end; at += zeros.length) {
    file.write(at, zeros.subarray(0, Math.min(zeros.length, end - at)), 'data');
    await work.pause();
  }
}

/** A raw file as the target of a copy. */
export function rawTarget(file: BlockFile): CopyTarget {
  const zeros = new Uint8Array(MiB);
  return {
    write: (offset, bytes) => file.write(offset, bytes, 'data'),
    writeZeroes(offset, lengthBytes) {
      if (file.punchHole(offset, lengthBytes)) return;
      for (let done = 0; done < lengthBytes; done += zeros.length) {
        file.write(offset + done, zeros.subarray(0, Math.min(zeros.length, lengthBytes - done)), 'data');
      }
    },
  };
}

async function makeQcow2(
  filePath: string,
  dataFilePath: string | undefined,
  { options, preallocation, mode }: NewImage,
  work: Work,
  backing: GuestDisk | null,
  fill?: (made: OpenNewImage) => Promise<void>,
): Promise<void> {
  const file = openFile(filePath);
  try {
    createImage(file, options);
    if (dataFilePath !== undefined) sizeDataFile(dataFilePath, options.sizeBytes);
    if (preallocation === 'off' && fill === undefined) return;
  } finally {
    file.close();
  }
  // Preallocating reads nothing of what lies below.
  const below = backing ?? (options.backingFile === undefined ? null : NOTHING);
  const image = openImage(openFile(filePath, { mode }), {
    ...(below === null ? {} : { backing: below }),
    ...(dataFilePath === undefined ? {} : { dataFile: openFile(dataFilePath, { mode }) }),
  });
  try {
    await preallocateImage(image, preallocation, work);
    await fill?.({ target: image, image });
    image.flush();
  } finally {
    image.close();
  }
}

/** A raw data file is a disk of its own: it has the disk's size from the start. */
function sizeDataFile(filePath: string, sizeBytes: number): void {
  const file = openFile(filePath);
  file.truncate(sizeBytes);
  file.sync('other');
  file.close();
}

async function preallocateImage(image: Qcow2Image, how: Preallocation, work: Work): Promise<void> {
  if (how === 'off') return;
  for (let at = 0; at < image.sizeBytes; at += PREALLOCATION_STEP_BYTES) {
    image.preallocate(how, at, Math.min(PREALLOCATION_STEP_BYTES, image.sizeBytes - at));
    await work.pause();
  }
}

/** `cowbench image measure`: how large a file a new image would need. */
import { describeImage, type ImageDescription, measureImage, RawDisk, roundUp } from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { type ImageFormat, imageFormat, openDisk, openRegularFile } from './disks.ts';
import { readsAsZeros } from './extents.ts';
import { asksForHelp, CREATE_OPTIONS, type FormatOptions, optionHelp, parseFormatOptions } from './format-options.ts';
import { planImage } from './new-image.ts';
import { printableJson } from './printable.ts';
import { parseDiskSize } from './sizes.ts';
import { type Source, sourceOf } from './source.ts';
import { ACCESS, FORMAT, type Given, OUTPUT, SHARE, type Subcommand } from './subcommand.ts';

/** Of the tables and the directory of persistent bitmaps. */
const TABLE_ENTRY_BYTES = 8;
const DIRECTORY_ENTRY_BYTES = 24;

export const measure: Subcommand = {
  name: 'measure',
  words: '[file]',
  summary: 'how large a file a new image would need, empty or as a copy',
  options: {
    ...FORMAT,
    'output-format': {
      ...value('FORMAT'),
      alias: 'O',
      default: 'raw',
      describe: 'format of the new image, raw or qcow2',
    },
    options: { ...value('OPTIONS'), alias: 'o', describe: 'its options, NAME=VALUE[,...]; -o help lists them' },
    size: { ...value('SIZE'), describe: 'size of the virtual disk, instead of a file to copy' },
    snapshot: { ...value('SNAPSHOT'), alias: 'l', describe: 'of this snapshot of the file' },
    ...OUTPUT,
    ...ACCESS,
    ...SHARE,
  },
  examples: [
    ['measure -O qcow2 disk.raw', 'of a copy of the disk'],
    ['measure -O qcow2 -o cluster_size=4k --size 1T', 'of an empty disk, and of a full one'],
  ],
  run(given) {
    const format = imageFormat('output-format', given.required('output-format'));
    if (asksForHelp(given.texts('options'))) {
      given.terminal.print(optionHelp(`Options for ${format}:`, CREATE_OPTIONS[format]));
      return;
    }
    const sizes = measured(given, format);
    if (given.wantsJson()) given.terminal.print(printableJson(jsonOf(sizes)));
    else given.terminal.print(linesOf(sizes).join('\n'));
  },
};

/** Bytes of the new file. */
interface Measured {
  readonly required: number;
  readonly fullyAllocated: number;
  /** What the persistent bitmaps of the source would take; null where the new image could not have them. */
  readonly bitmaps: number | null;
}

function jsonOf({ required, fullyAllocated, bitmaps }: Measured): Record<string, number> {
  return { ...(bitmaps === null ? {} : { bitmaps }), required, 'fully-allocated': fullyAllocated };
}

function linesOf({ required, fullyAllocated, bitmaps }: Measured): string[] {
  const lines = [`required size: ${required}`, `fully allocated size: ${fullyAllocated}`];
  return bitmaps === null ? lines : [...lines, `bitmaps size: ${bitmaps}`];
}

function measured(given: Given, format: ImageFormat): Measured {
  const options = parseFormatOptions(given.texts('options'), CREATE_OPTIONS[format]);
  const sizeText = given.text('size');
  const file = given.text('file');
  if ((sizeText === undefined) === (file === undefined))
    throw new UsageError('measure needs either a file or --size, and not both');
  if (file === undefined && (given.text('snapshot') ?? given.text('format')) !== undefined)
    throw new UsageError('--snapshot and --format are about a file, not about --size');
  if (file === undefined) return measureCopy(format, options, null, parseDiskSize('--size', sizeText!));
  const disk = openDisk(file, { access: given.access(), format: given.format(), snapshot: given.text('snapshot') });
  const source = sourceOf(disk);
  try {
    const sizes = measureCopy(format, options, source, source.sizeBytes);
    return { ...sizes, bitmaps: format === 'qcow2' && !(disk instanceof RawDisk) ? bitmapBytes(file, options) : null };
  } finally {
    source.close();
  }
}

function measureCopy(
  format: ImageFormat,
  options: FormatOptions,
  source: Source | null,
  sizeBytes: number,
): Omit<Measured, 'bitmaps'> & { readonly bitmaps: null } {
  const plan = planImage('', format, sizeBytes, options);
  if (format === 'raw') return { required: sizeBytes, fullyAllocated: sizeBytes, bitmaps: null };
  const { clusterSizeBytes, dataBytes, metadataBytes } = measureImage(plan.options);
  const takesAll = plan.preallocation === 'falloc' || plan.preallocation === 'full';
  // How much the new backing file has in common with the source is not known: nothing, at worst.
  const isWorstCase = source !== null && plan.options.backingFile !== undefined;
  const stored = source === null ? 0 : storedBytes(source, clusterSizeBytes);
  const required = metadataBytes + (takesAll || isWorstCase ? dataBytes : stored);
  return { required, fullyAllocated: metadataBytes + dataBytes, bitmaps: null };
}

/** Bytes of the clusters of a new image that would hold data. */
function storedBytes(source: Source, clusterBytes: number): number {
  let total = 0;
  let countedTo = 0;
  for (let at = 0; at < source.sizeBytes; ) {
    const extent = source.extentAt(at, source.sizeBytes - at);
    const end = at + extent.lengthBytes;
    if (!readsAsZeros(extent)) {
      const from = Math.max(countedTo, at - (at % clusterBytes));
      countedTo = Math.max(countedTo, roundUp(end, clusterBytes));
      total += Math.max(0, countedTo - from);
    }
    at = end;
  }
  return total;
}

/** Null when either image is of version 2, which has no bitmaps. Each is taken for full, with its table and directory entry. */
function bitmapBytes(filePath: string, options: FormatOptions): number | null {
  const { version, sizeBytes, bitmaps } = describe(filePath);
  const { options: wanted } = planImage('', 'qcow2', sizeBytes, options);
  if (version === 2 || wanted.version === 2) return null;
  const { clusterSizeBytes } = measureImage(wanted);
  let total = 0;
  let directoryBytes = 0;
  for (const { name, flags, granularityBytes } of bitmaps) {
    if (flags.includes('in-use')) continue;
    const clusters = Math.ceil(Math.ceil(Math.ceil(sizeBytes / granularityBytes) / 8) / clusterSizeBytes);
    total += clusters * clusterSizeBytes + roundUp(clusters * TABLE_ENTRY_BYTES, clusterSizeBytes);
    directoryBytes += roundUp(DIRECTORY_ENTRY_BYTES + Buffer.byteLength(name), 8);
  }
  return total + roundUp(directoryBytes, clusterSizeBytes);
}

function describe(filePath: string): ImageDescription {
  const file = openRegularFile(filePath);
  try {
    return describeImage(file);
  } finally {
    file.close();
  }
}

/** `cowbench image create`: a new, empty image. */
import { describeImage, fileBeside, KiB, roundUp, SECTOR_BYTES } from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { type ImageFormat, imageFormat, openRegularFile, refuseReplacing, warnOfForeignRaw } from './disks.ts';
import { asksForHelp, CREATE_OPTIONS, type FormatOptions, optionHelp, parseFormatOptions } from './format-options.ts';
import { makeImage, type NewImage, planImage } from './new-image.ts';
import { printable } from './printable.ts';
import { parseDiskSize } from './sizes.ts';
import { type Given, PROGRESS, QUIET, type Subcommand } from './subcommand.ts';
import { withWork } from './work.ts';

const DEFAULT_CLUSTER_BYTES = 64 * KiB;

export const create: Subcommand = {
  name: 'create',
  words: '[file] [size]',
  summary: 'create an empty image',
  options: {
    format: { ...value('FORMAT'), alias: 'f', default: 'raw', describe: 'raw or qcow2' },
    options: { ...value('NAME=VALUE,…'), alias: 'o', describe: 'options of the format; -o help lists them' },
    backing: { ...value('FILE'), alias: 'b', describe: 'backing file, relative to the new image' },
    'backing-format': { ...value('FORMAT'), alias: 'F', describe: 'format of the backing file (required)' },
    unsafe: { type: 'boolean', alias: 'u', describe: 'do not open the backing file; SIZE is then required' },
    ...PROGRESS,
    ...QUIET,
  },
  examples: [
    ['create -f qcow2 disk.qcow2 10G', 'an empty disk of 10 GiB'],
    ['create -f qcow2 -o cluster_size=1M disk.qcow2 1T', 'with format options'],
    ['create -f qcow2 -b base.qcow2 -F qcow2 overlay.qcow2', 'an overlay for base.qcow2, of the same size'],
    ['create -f raw -o preallocation=falloc disk.raw 2G', 'preallocated'],
  ],
  run(given) {
    const format = given.format()!;
    if (asksForHelp(given.texts('options'))) {
      given.terminal.print(optionHelp(`Options for ${format}:`, CREATE_OPTIONS[format]));
      return;
    }
    const plan = planOf(given, format);
    return withWork(
      given.terminal,
      { quiet: given.flag('quiet'), showProgress: given.flag('progress') },
      async (work) => {
        await makeImage(plan, work, null);
        if (!given.flag('quiet')) given.terminal.print(summary(plan));
      },
    );
  },
};

function planOf(given: Given, format: ImageFormat): NewImage {
  const file = given.required('file');
  const options = withBacking(given, parseFormatOptions(given.texts('options'), CREATE_OPTIONS[format]), format);
  const sizeTexts = [given.text('size'), options.get('size')].filter((text) => text !== undefined);
  if (sizeTexts.length > 1) throw new UsageError('the size is given more than once');
  const backing = backingOf(given, file, options);
  const sizeBytes = sizeTexts[0] === undefined ? backing?.sizeBytes : parseDiskSize('size', sizeTexts[0]);
  if (sizeBytes === undefined) throw new UsageError('no size given; for example 10G');
  return planImage(file, format, sizeBytes, options);
}

/** `-b` and `-F` are other words for two of the format's options. */
function withBacking(given: Given, options: FormatOptions, format: ImageFormat): FormatOptions {
  const merged = new Map(options);
  for (const [word, name] of [
    ['backing', 'backing_file'],
    ['backing-format', 'backing_fmt'],
  ] as const) {
    const text = given.text(word);
    if (text === undefined) continue;
    if (format === 'raw') throw new UsageError(`--${word}: a raw image cannot have a backing file`);
    if (merged.has(name)) throw new UsageError(`--${word} and -o ${name} are both given`);
    merged.set(name, text);
  }
  return merged;
}

/** The backing file's facts, after a look at it unless `unsafe`: it is the user who names it, so it may be opened. */
function backingOf(given: Given, file: string, options: FormatOptions): { sizeBytes: number } | null {
  const name = options.get('backing_file');
  if (name === undefined) {
    if (options.has('backing_fmt')) throw new UsageError('a backing format without a backing file');
    return null;
  }
  const formatText = options.get('backing_fmt');
  if (formatText === undefined) {
    throw new UsageError(`the format of backing file ${printable(name)} is not given (-F raw or -F qcow2)`);
  }
  const format = imageFormat('backing-format', formatText);
  if (given.flag('unsafe')) return null;
  const backingPath = fileBeside(file, name);
  refuseReplacing(file, [backingPath]);
  if (format === 'raw') warnOfForeignRaw(backingPath, (line) => given.warn(line));
  return { sizeBytes: diskSizeOf(backingPath, format) };
}

function diskSizeOf(filePath: string, format: ImageFormat): number {
  const file = openRegularFile(filePath);
  try {
    const sizeBytes = format === 'raw' ? file.sizeBytes() : describeImage(file).sizeBytes;
    return roundUp(sizeBytes, SECTOR_BYTES);
  } finally {
    file.close();
  }
}

/** In the order and the words of qemu-img, for readers that go by the text. */
function summary({ path: file, format, preallocation, options }: NewImage): string {
  const onOff = (value: boolean | undefined) => (value === undefined ? undefined : value ? 'on' : 'off');
  const name = (value: string | undefined) => value && printable(value.replaceAll(',', ',,'));
  const space = preallocation === 'off' ? undefined : preallocation;
  const facts: Record<string, string | number | undefined> =
    format === 'raw'
      ? { fmt: format, size: options.sizeBytes, preallocation: space }
      : {
          fmt: format,
          cluster_size: options.clusterSizeBytes ?? DEFAULT_CLUSTER_BYTES,
          extended_l2: onOff(options.extendedL2 ?? false),
          preallocation: space,
          compression_type: options.compressionType ?? 'zlib',
          size: options.sizeBytes,
          compat: options.version && (options.version === 2 ? '0.10' : '1.1'),
          data_file: name(options.dataFile),
          data_file_raw: onOff(options.dataFileRaw),
          backing_file: name(options.backingFile),
          backing_fmt: options.backingFormat,
          lazy_refcounts: onOff(options.lazyRefcounts ?? false),
          refcount_bits: options.refcountBits ?? 16,
        };
  const shown = Object.entries(facts).filter(([, value]) => value !== undefined);
  return `Formatting '${printable(file)}', ${shown.map(([fact, value]) => `${fact}=${value}`).join(' ')}`;
}

/** `cowbench image amend`: what the header of a qcow2 image says, changed in place. */
import { type AmendOptions, amendImage, type BlockFile, describeImage, refuseAmendment } from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { type Access, openQcow2, openRegularFile, qcow2Only, usingDisk } from './disks.ts';
import {
  AMEND_OPTIONS,
  asksForHelp,
  choice,
  type FormatOptions,
  flag,
  optionHelp,
  parseFormatOptions,
  versionOf,
} from './format-options.ts';
import { printable } from './printable.ts';
import { parseDiskSize, parseSize } from './sizes.ts';
import { ACCESS, FORMAT, type Given, PROGRESS, QUIET, type Subcommand } from './subcommand.ts';
import { withWork } from './work.ts';

export const amend: Subcommand = {
  name: 'amend',
  words: '[file]',
  summary: 'change options of an existing image',
  options: {
    ...FORMAT,
    options: { ...value('NAME=VALUE,…'), alias: 'o', describe: 'options to change; -o help lists them' },
    ...PROGRESS,
    ...QUIET,
    ...ACCESS,
  },
  examples: [
    ['amend -o lazy_refcounts=on disk.qcow2', 'turn on a feature'],
    ['amend -o compat=1.1 old.qcow2', 'version 2 to version 3'],
    ['amend -o compat=0.10 new.qcow2', 'back to version 2, if nothing in it needs version 3'],
    ['amend -o backing_file=b.qcow2,backing_fmt=qcow2 top.qcow2', 'the same base under a new name'],
  ],
  run(given) {
    if (asksForHelp(given.texts('options'))) {
      if (given.format() === 'raw') throw new UsageError('a raw image has no options to amend');
      given.terminal.print(optionHelp('Options that can be amended, for qcow2:', AMEND_OPTIONS));
      return;
    }
    const options = parseFormatOptions(given.texts('options'), AMEND_OPTIONS);
    if (options.size === 0) throw new UsageError('no option to change is given (-o NAME=VALUE); -o help lists them');
    const file = given.required('file');
    qcow2Only(file, given.format(), 'a raw image has no options');
    return withWork(given.terminal, { quiet: true, showProgress: false }, () =>
      // Held over all of the steps: between two of them nobody else may write.
      withFile(file, 'image-read', given.access(), () => change(given, file, options)),
    );
  },
};

/** In an order in which each step is possible: to version 3 first, to version 2 last. */
function change(given: Given, filePath: string, options: FormatOptions): void {
  const sizeText = options.get('size');
  const sizeBytes = sizeText === undefined ? undefined : parseDiskSize('-o size', sizeText);
  const header = headerChanges(filePath, options, given.access());
  if (header.version === 2) warnOfLostBitmaps(filePath, given.access().warn);
  const access = given.access();
  if (sizeBytes === undefined) return amendFile(filePath, header, access);
  const { version, ...rest } = header;
  if (version !== 2) {
    if (Object.keys(header).length > 0) amendFile(filePath, header, access);
    return grow(given, filePath, sizeBytes);
  }
  withFile(filePath, 'image-read', access, (file) => refuseAmendment(file, header, sizeBytes));
  grow(given, filePath, sizeBytes);
  amendFile(filePath, { ...rest, version }, access);
}

function amendFile(filePath: string, changes: AmendOptions, access: Access): void {
  withFile(filePath, 'image-write', access, (file) => amendImage(file, changes));
}

function withFile<Result>(
  filePath: string,
  lock: 'image-read' | 'image-write',
  access: Access,
  use: (file: BlockFile) => Result,
): Result {
  const file = openRegularFile(filePath, lock, access);
  try {
    return use(file);
  } finally {
    file.close();
  }
}

function headerChanges(filePath: string, options: FormatOptions, access: Access): AmendOptions {
  const name = options.get('backing_file');
  const refcountText = options.get('refcount_bits');
  const changes = {
    backingFile: name === '' ? null : name,
    backingFormat: choice(options, 'backing_fmt', ['raw', 'qcow2']),
    lazyRefcounts: flag(options, 'lazy_refcounts'),
    version: versionOf(options),
    refcountBits: refcountText === undefined ? undefined : parseSize('-o refcount_bits', refcountText),
    dataFile: options.get('data_file'),
    dataFileRaw: flag(options, 'data_file_raw'),
  };
  if (changes.dataFile === '') throw new UsageError('-o data_file: nothing could be read without the name of the file');
  const present = withFile(filePath, 'image-read', access, describeImage);
  const hasBacking = name === undefined ? present.backingFile !== null : name !== '';
  const hasFormat = changes.backingFormat !== undefined || present.backingFormat !== null;
  if (hasBacking && name !== undefined && !hasFormat)
    throw new UsageError('-o backing_file: its format is not given (backing_fmt=raw or backing_fmt=qcow2)');
  if (!hasBacking && changes.backingFormat !== undefined)
    throw new UsageError('-o backing_fmt: the image has no backing file');
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

function grow(given: Given, filePath: string, sizeBytes: number): void {
  const image = openQcow2(filePath, { access: given.access() }, false);
  usingDisk(image, () => {
    if (sizeBytes < image.sizeBytes) throw new UsageError('-o size: smaller than the disk; use resize --shrink');
    image.resize(sizeBytes);
  });
}

/** A version 2 image cannot have them. */
function warnOfLostBitmaps(filePath: string, warn: (line: string) => void): void {
  const file = openRegularFile(filePath);
  try {
    const { bitmaps } = describeImage(file);
    if (bitmaps.length === 0) return;
    const names = bitmaps.slice(0, 10).map(({ name }) => `"${printable(name)}"`);
    const more = bitmaps.length > names.length ? ` and ${bitmaps.length - names.length} more` : '';
    warn(`${printable(filePath)}: the persistent bitmaps ${names.join(', ')}${more} are dropped: version 2 has none`);
  } finally {
    file.close();
  }
}

/** `convert --bitmaps`: the persistent bitmaps of the source, in its copy. */
import { type BitmapInfo, describeImage, type Qcow2Image } from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { formatOf, type ImageFormat, openRegularFile, openWithoutBacking } from './disks.ts';
import { type FormatOptions, versionOf } from './format-options.ts';
import { printable } from './printable.ts';
import type { Given } from './subcommand.ts';

export interface CopiedBitmaps {
  readonly source: string;
  readonly bitmaps: readonly BitmapInfo[];
}

/** Looked for before anything is written. @throws UsageError where they cannot be copied. */
export function bitmapsToCopy(
  given: Given,
  sources: readonly string[],
  format: ImageFormat,
  options: FormatOptions,
): CopiedBitmaps {
  const source = sources[0]!;
  const skips = given.flag('skip-broken-bitmaps');
  if (!given.flag('bitmaps')) {
    if (skips) throw new UsageError('--skip-broken-bitmaps is for --bitmaps');
    return { source, bitmaps: [] };
  }
  if (sources.length > 1) throw new UsageError('--bitmaps: a concatenation of several images has no bitmaps');
  if (format === 'raw' || versionOf(options) === 2)
    throw new UsageError('--bitmaps: only a qcow2 target of version 3 can have bitmaps');
  if ((given.format() ?? formatOf(source)) === 'raw')
    throw new UsageError(`--bitmaps: ${printable(source)} is a raw image, which has none`);
  const bitmaps = bitmapsOf(source);
  const broken = bitmaps.filter(({ flags }) => flags.includes('in-use'));
  if (broken.length > 0 && !skips) {
    const advice = '--skip-broken-bitmaps leaves it out, bitmap --remove removes it';
    throw new UsageError(`--bitmaps: bitmap "${printable(broken[0]!.name)}" is inconsistent; ${advice}`);
  }
  for (const { name } of broken) given.warn(`the inconsistent bitmap "${printable(name)}" is left out`);
  return { source, bitmaps: bitmaps.filter((bitmap) => !broken.includes(bitmap)) };
}

function bitmapsOf(filePath: string): readonly BitmapInfo[] {
  const file = openRegularFile(filePath);
  try {
    return describeImage(file).bitmaps;
  } finally {
    file.close();
  }
}

/** Last of all: the copying itself is no change that they are to note. */
export function copyBitmaps(given: Given, { source, bitmaps }: CopiedBitmaps, target: Qcow2Image): void {
  if (bitmaps.length === 0) return;
  const image = openWithoutBacking(source, given.access(), true);
  try {
    target.editBitmaps((editor) => {
      for (const { name, flags, granularityBytes } of bitmaps) {
        editor.add(name, granularityBytes);
        editor.merge(name, image.dirtyRanges(name));
        if (!flags.includes('auto')) editor.setEnabled(name, false);
      }
    });
  } finally {
    image.close();
  }
}

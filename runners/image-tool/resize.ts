/** `cowbench image resize`: another size for a disk, in place. */
import { MiB, PREALLOCATIONS, type Preallocation, type Qcow2Image, roundUp } from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { unknownWord } from '../console/suggest.ts';
import { formatOf, openQcow2, openRegularFile } from './disks.ts';
import { takeRawSpace } from './new-image.ts';
import { printable } from './printable.ts';
import { parseNewSize } from './sizes.ts';
import { ACCESS, FORMAT, type Given, PROGRESS, QUIET, type Subcommand } from './subcommand.ts';
import { type Work, withWork } from './work.ts';

/** How much is preallocated between two looks at Ctrl-C. */
const STEP_BYTES = 256 * MiB;

export const resize: Subcommand = {
  name: 'resize',
  words: '<file> [size]',
  summary: 'grow or shrink a disk in place',
  options: {
    ...FORMAT,
    shrink: { type: 'boolean', describe: 'allow shrinking: data past the new end is lost' },
    preallocation: {
      ...value('MODE'),
      default: 'off',
      describe: 'preallocation of the added space: off, falloc or full',
    },
    ...PROGRESS,
    ...QUIET,
    ...ACCESS,
  },
  examples: [
    ['resize disk.qcow2 20G', 'to 20 GiB'],
    ['resize disk.qcow2 +512M', 'by 512 MiB'],
    ['resize --shrink disk.raw -1G', 'shrink by 1 GiB'],
  ],
  run(given) {
    const preallocation = preallocationOf(given);
    const file = given.required('file');
    const format = given.format() ?? formatOf(file);
    const options = {
      quiet: given.flag('quiet'),
      showProgress: given.flag('progress'),
      afterInterruption: 'the disk has its new size; not all of the new space was preallocated',
    };
    return withWork(given.terminal, options, async (work) => {
      const change = format === 'raw' ? resizeRaw : resizeQcow2;
      await change(given, file, preallocation, work);
      if (!given.flag('quiet')) given.terminal.print('Image resized.');
    });
  },
};

function preallocationOf(given: Given): Preallocation {
  const text = given.required('preallocation');
  const found = PREALLOCATIONS.find((word) => word === text);
  if (found === undefined) throw new UsageError(unknownWord('preallocation', text, PREALLOCATIONS));
  return found;
}

function refuseSize(given: Given, file: string, presentBytes: number, sizeBytes: number): void {
  if (sizeBytes <= presentBytes && preallocationOf(given) !== 'off')
    throw new UsageError('--preallocation is for a disk that grows');
  if (sizeBytes === 0 && presentBytes > 0) throw new UsageError('size 0: nothing of the disk would be left');
  if (sizeBytes >= presentBytes || given.flag('shrink')) return;
  throw new UsageError(
    `${printable(file)} would lose ${presentBytes - sizeBytes} bytes at its end; --shrink allows that`,
  );
}

async function resizeRaw(given: Given, filePath: string, how: Preallocation, work: Work): Promise<void> {
  if (how === 'metadata') throw new UsageError('--preallocation=metadata: a raw image has no metadata');
  const file = openRegularFile(filePath, 'raw-write', given.access());
  try {
    const presentBytes = file.sizeBytes();
    const sizeBytes = parseNewSize('size', given.required('size'), presentBytes);
    refuseSize(given, filePath, presentBytes, sizeBytes);
    file.truncate(sizeBytes);
    if (how !== 'off') await takeRawSpace(file, presentBytes, sizeBytes, how, work);
    file.sync('other');
  } finally {
    file.close();
  }
}

async function resizeQcow2(given: Given, filePath: string, how: Preallocation, work: Work): Promise<void> {
  const image = openQcow2(filePath, { access: given.access() }, false);
  try {
    const presentBytes = image.sizeBytes;
    const sizeBytes = parseNewSize('size', given.required('size'), presentBytes);
    refuseSize(given, filePath, presentBytes, sizeBytes);
    image.resize(sizeBytes, { shrink: given.flag('shrink') });
    if (how !== 'off') await preallocateNew(image, how, presentBytes, sizeBytes, work);
    image.flush();
  } finally {
    image.close();
  }
}

/** In version 3 clusters can be taken that read as zeros whatever they held; else zeros are written. */
async function preallocateNew(
  image: Qcow2Image,
  how: Preallocation,
  from: number,
  end: number,
  work: Work,
): Promise<void> {
  if (how === 'full' || image.version === 2) return writeZeros(image, from, end, work);
  const start = roundUp(from, image.clusterSizeBytes);
  work.start(Math.max(0, end - start));
  for (let at = start; at < end; at += STEP_BYTES) {
    image.preallocate(how, at, Math.min(STEP_BYTES, end - at), { zeroed: true });
    await work.progress(Math.min(at + STEP_BYTES, end) - start);
  }
}

/** Zeros as guest data: clusters that were used before may hold anything, so reserving space for them would not do. */
async function writeZeros(image: Qcow2Image, from: number, end: number, work: Work): Promise<void> {
  const zeros = new Uint8Array(MiB);
  work.start(Math.max(0, end - from));
  for (let at = from; at < end; at += zeros.length) {
    image.write(at, zeros.subarray(0, Math.min(zeros.length, end - at)));
    await work.progress(Math.min(at + zeros.length, end) - from);
  }
}

/** `cowbench image commit`: what an overlay holds goes into its backing file, or into one further down. */
import {
  fileBeside,
  type GuestDisk,
  identifyFile,
  MiB,
  openFile,
  type Qcow2Image,
  RawDisk,
} from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { backingOf, type ImageFormat, lockedFor, openOver, openQcow2, qcow2Only } from './disks.ts';
import { type Extent, extentAt, readsAsZeros } from './extents.ts';
import { printable } from './printable.ts';
import { ACCESS, CACHE, checkRate, FORMAT, type Given, PROGRESS, QUIET, RATE, type Subcommand } from './subcommand.ts';
import { type Work, withWork } from './work.ts';

const CHUNK_BYTES = 2 * MiB;
const SKIP_BYTES = 1024 * MiB;

export const commit: Subcommand = {
  name: 'commit',
  words: '<file>',
  summary: 'write the changes of an overlay into its backing file',
  options: {
    ...FORMAT,
    base: {
      ...value('FILE'),
      alias: 'b',
      describe: 'the image of the chain to commit into [default: the backing file]; keeps the overlay',
    },
    keep: { type: 'boolean', alias: 'd', describe: 'leave the overlay as it is; otherwise it is emptied' },
    ...RATE,
    ...CACHE,
    ...PROGRESS,
    ...QUIET,
    ...ACCESS,
  },
  examples: [
    ['commit --allow-backing overlay.qcow2', 'the backing file holds all of it afterwards, the overlay nothing'],
    ['commit --allow-backing -b base.qcow2 top.qcow2', 'through the images between, which are invalid afterwards'],
  ],
  run(given) {
    const file = given.required('file');
    qcow2Only(file, given.format(), 'a raw image has no backing file');
    checkRate(given);
    const work = {
      quiet: given.flag('quiet'),
      showProgress: given.flag('progress'),
      afterInterruption: 'the overlay is as it was; part of it is in the backing file already',
    };
    return withWork(given.terminal, work, async (work) => {
      const chain = chainOf(given, file);
      const depth = baseDepth(given, file, chain);
      await commitInto(given, chain, depth, work);
      if (!given.flag('keep') && given.text('base') === undefined) empty(given, chain);
      if (!given.flag('quiet')) given.terminal.print('Image committed.');
    });
  },
};

interface Link {
  /** The name by which the chain leads to it. */
  readonly path: string;
  readonly format: ImageFormat;
  readonly sizeBytes: number;
}

/** Opening the chain as a reader does applies every rule about which names may be followed. */
function chainOf(given: Given, file: string): Link[] {
  const image = openQcow2(file, { access: given.access() }, true);
  const chain: Link[] = [{ path: file, format: 'qcow2', sizeBytes: image.sizeBytes }];
  for (let below = backingOf(image); below !== null; below = backingOf(below)) {
    const format = below instanceof RawDisk ? 'raw' : 'qcow2';
    chain.push({ path: String((below as Qcow2Image).fileName), format, sizeBytes: below.sizeBytes });
  }
  image.close();
  if (chain.length === 1) throw new UsageError(`${printable(file)} has no backing file`);
  return chain;
}

function baseDepth(given: Given, file: string, chain: readonly Link[]): number {
  const wanted = given.text('base');
  if (wanted === undefined) return 1;
  const keys = chain.map((link) => identifyFile(link.path).key);
  for (const candidate of [fileBeside(file, wanted), wanted]) {
    const depth = keyOf(candidate) === null ? -1 : keys.indexOf(keyOf(candidate)!);
    if (depth > 0) return depth;
  }
  throw new UsageError(`--base ${printable(wanted)} is not in the backing chain of ${printable(file)}`);
}

function keyOf(filePath: string): string | null {
  try {
    return identifyFile(filePath).key;
  } catch {
    return null;
  }
}

async function commitInto(given: Given, chain: readonly Link[], depth: number, work: Work): Promise<void> {
  const base = openBase(given, chain[depth]!, chain[0]!.sizeBytes);
  try {
    const top = openAbove(given, chain, depth);
    try {
      await copyDown(top, base, depth, work);
      base.flush();
    } finally {
      top.close();
    }
  } finally {
    base.close();
  }
}

/** For writing, and at least as large as what is committed into it. */
function openBase(given: Given, { path, format, sizeBytes }: Link, neededBytes: number): Qcow2Image | RawDisk {
  const mode = given.hostCache('cache') ?? 'writeback';
  if (format === 'raw') {
    const file = openFile(path, { mode, ...lockedFor('raw-write', path, given.access()) });
    if (sizeBytes < neededBytes) file.truncate(neededBytes);
    return new RawDisk(file);
  }
  const image = openQcow2(path, { access: given.access(), mode }, false);
  try {
    if (sizeBytes < neededBytes) image.resize(neededBytes);
    return image;
  } catch (error) {
    image.close();
    throw error;
  }
}

/** The images above the base, without it: it is being written. */
function openAbove(given: Given, chain: readonly Link[], depth: number): Qcow2Image {
  let below: GuestDisk = new UnreadDisk(chain[depth]!.sizeBytes);
  for (let at = depth - 1; at >= 0; at--) below = openOver(chain[at]!.path, below, { access: given.access() }, true);
  return below as Qcow2Image;
}

/** What the images above leave to the base is the base's already. */
async function copyDown(top: Qcow2Image, base: Qcow2Image | RawDisk, depth: number, work: Work): Promise<void> {
  const chunk = new Uint8Array(CHUNK_BYTES);
  work.start(top.sizeBytes);
  for (let at = 0; at < top.sizeBytes; ) {
    const extent = extentAt(top, at, top.sizeBytes - at);
    if (isBases(extent, depth)) at += Math.min(extent.lengthBytes, SKIP_BYTES);
    else if (readsAsZeros(extent)) {
      const lengthBytes = Math.min(extent.lengthBytes, SKIP_BYTES);
      base.writeZeroes(at, lengthBytes, { mayUnmap: true });
      at += lengthBytes;
    } else {
      const piece = chunk.subarray(0, Math.min(extent.lengthBytes, chunk.length));
      top.read(at, piece);
      base.write(at, piece);
      at += piece.length;
    }
    await work.progress(at);
  }
}

/** Absent in the last image above the base; where an image higher up is longer than the next one, it reads as zeros. */
function isBases({ stored, depth }: Extent, baseDepth: number): boolean {
  return stored === 'absent' && depth === baseDepth - 1;
}

function empty(given: Given, chain: readonly Link[]): void {
  const { path } = chain[0]!;
  const image = openOver(path, new UnreadDisk(chain[1]!.sizeBytes), { access: given.access() }, false);
  try {
    image.makeEmpty();
  } finally {
    image.close();
  }
}

/** Stands for an image that must not be read here. */
class UnreadDisk implements GuestDisk {
  readonly sizeBytes: number;

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
  }

  read(): void {
    throw new Error('a commit read the image that it writes to');
  }
}

/**
 * Everything that may be done with one damaged image, and what must hold whatever it contains:
 *
 *  1. no exception but {@link Qcow2Error}, whose message is one line;
 *  2. no step asks for more than 64 MiB of memory;
 *  3. an image that is refused, open for reading, or not amended is not changed;
 *  4. the file does not grow without need;
 *  5. what the checker calls clean is never called corrupt by the engine, and is clean afterwards; but for leaks, when a request
 *     failed.
 *
 * That no step hangs is for the caller to watch.
 */
import {
  amendImage,
  type BlockFile,
  checkImage,
  hasErrors,
  isClean,
  MemoryFile,
  OVERLAP_CHECKS,
  openImage,
  policyNames,
  type Qcow2Image,
  repairImage,
} from '../../../engine/index.ts';
import { Prng } from '../../../workloads/prng.ts';
import { BACKING_DISK } from './base-images.ts';
import type { Damage } from './damage.ts';
import { PatchedFile } from './patched-file.ts';
import { guarded, Violation } from './properties.ts';
import { changeAtRandom } from './random-changes.ts';
import { readEverything, refuseWhenSound } from './readings.ts';

export const STEPS = ['check', 'open to read', 'read', 'open to write', 'change', 'amend', 'repair'] as const;
export type Step = (typeof STEPS)[number];

export interface ExerciseOptions {
  readonly base: Uint8Array;
  /** Cluster size of the good image. */
  readonly clusterBytes: number;
  readonly damage: Damage;
  /** Seed of the requests. */
  readonly seed: number;
  /** Called before each step, for a watch from outside. */
  onStep(step: Step): void;
}

/** How far an image got. */
export type Outcome = 'refused' | 'readable' | 'writable';

/**
 * The requests of one image allocate a few clusters and tables, past what refcounts say is in use; a file that grows further has
 * believed a pointer.
 */
const GROWTH_LIMIT_BYTES = 64 * 1024 ** 2;
const GROWTH_LIMIT_CLUSTERS = 2 ** 20;
/** More than the requests of one image can allocate. */
const GROWTH_CHECKED_CLUSTERS = 4096;
const VERSION_3_HEADER_BYTES = 104;
const VERSION_LOW_BYTE = 7;
const INCOMPATIBLE_LOW_BYTE = 79;
const DATA_FILE_BIT = 4;
const AUTOCLEAR_LOW_BYTE = 95;
const BITMAPS_BIT = 1;

/** Does everything. @throws Violation for the first property that does not hold. */
export function exercise(options: ExerciseOptions): Outcome {
  const prng = new Prng(options.seed);
  options.onStep('check');
  const clean = isCleanImage(options);
  // What an entry may name in a data file is not for the checker to know, which does not see it.
  const sound = clean && !hasFeature(fileOf(options, true), INCOMPATIBLE_LOW_BYTE, DATA_FILE_BIT);
  options.onStep('open to read');
  const toRead = fileOf(options, true);
  const readable = open(toRead, 'open to read', prng);
  if (readable !== null) {
    options.onStep('read');
    readEverything(readable, toRead, sound);
    guarded('close', () => readable.close());
  }
  if (toRead.changes > 0)
    throw new Violation('refused image changed', 'read', 'an image open for reading was written to');
  // Bitmaps are not maintained here: they are given up when the image is opened to write, and their clusters leak.
  const mayLeak = hasFeature(fileOf(options, true), AUTOCLEAR_LOW_BYTE, BITMAPS_BIT);
  options.onStep('open to write');
  const toWrite = fileOf(options, false);
  const writable = open(toWrite, 'open to write', prng);
  if (writable !== null) {
    options.onStep('change');
    change(writable, toWrite, prng, { clean, sound, mayLeak });
  } else if (toWrite.changes > 0) {
    throw new Violation('refused image changed', 'open to write', 'an image that was refused was written to');
  }
  options.onStep('amend');
  amend(options, { clean, mayLeak });
  options.onStep('repair');
  if (!clean) repair(options);
  if (readable === null) return 'refused';
  return writable === null ? 'readable' : 'writable';
}

function fileOf({ base, damage, clusterBytes }: ExerciseOptions, readOnly: boolean): PatchedFile {
  const limitBytes = damage.sizeBytes + GROWTH_LIMIT_BYTES + GROWTH_LIMIT_CLUSTERS * clusterBytes;
  const file = new PatchedFile({
    name: 'disk',
    base,
    sizeBytes: damage.sizeBytes,
    readOnly,
    limitBytes,
  });
  for (const { offset, bytes } of damage.patches) file.patch(offset, bytes);
  return file;
}

function isCleanImage(options: ExerciseOptions): boolean {
  let clean = false;
  guarded('check', () => {
    const report = checkImage(fileOf(options, true), { verifyCompressed: true });
    clean = isClean(report) && !report.isDirty && !report.isCorrupt;
    // Refcounts of clusters past the end are no leaks, until the file has grown over them.
    if (!clean) return;
    const grown = fileOf(options, false);
    grown.truncate(grown.sizeBytes() + GROWTH_CHECKED_CLUSTERS * options.clusterBytes);
    clean = isClean(checkImage(grown));
  });
  return clean;
}

/** Opens with caches as small as can be, so that tables come and go. */
function open(file: PatchedFile, step: Step, prng: Prng): Qcow2Image | null {
  let image: Qcow2Image | null = null;
  guarded(step, () => {
    image = openImage(file, {
      policy: prng.pick(policyNames()),
      overlapCheck: prng.pick(OVERLAP_CHECKS.slice(1)),
      l2CacheTables: prng.between(2, 4),
      ...(prng.chance(0.5) ? { l2CacheEntryBytes: 512 } : {}),
      backing: BACKING_DISK,
      ...(hasFeature(file, INCOMPATIBLE_LOW_BYTE, DATA_FILE_BIT) ? { dataFile: new MemoryFile('data') } : {}),
    });
  });
  return image;
}

/** Whether the damaged image is of version 3 and has this feature bit. */
function hasFeature(file: BlockFile, byte: number, bit: number): boolean {
  const header = new Uint8Array(VERSION_3_HEADER_BYTES);
  file.read(0, header, 'header');
  return header[VERSION_LOW_BYTE] === 3 && Math.floor(header[byte]! / bit) % 2 === 1;
}

/** What is known of an image before it is changed. */
interface Known {
  readonly clean: boolean;
  /** The engine may not call it corrupt. */
  readonly sound: boolean;
  readonly mayLeak: boolean;
}

function change(image: Qcow2Image, file: PatchedFile, prng: Prng, { clean, sound, mayLeak }: Known): void {
  let complete = changeAtRandom(image, prng, sound, (step, error) => refuseWhenSound(sound, step, error));
  const closeError = guarded('close', () => image.close());
  refuseWhenSound(sound, 'close', closeError);
  complete = closeError === null && complete;
  if (file.grewTooLarge) throw new Violation('growth', 'change', 'the file grew far past its end');
  if (clean) refuseUnclean(file, 'change', mayLeak || !complete);
}

/** Another kind of change, of a closed image. */
function amend(options: ExerciseOptions, { clean, mayLeak }: Omit<Known, 'sound'>): void {
  const file = fileOf(options, false);
  const error = guarded('amend', () => amendImage(file, { version: 3, lazyRefcounts: true }));
  if (error !== null && file.changes > 0)
    throw new Violation('refused image changed', 'amend', `changed, and then: ${error.message}`);
  if (clean) refuseUnclean(file, 'amend', mayLeak);
}

function refuseUnclean(file: PatchedFile, step: Step, mayLeak: boolean): void {
  guarded('check', () => {
    const report = checkImage(file, { verifyCompressed: true });
    if (!hasErrors(report) && (report.leaks === 0 || mayLeak)) return;
    throw new Violation('clean image', step, `clean before, now: ${report.findings[0]?.text}`);
  });
}

function repair(options: ExerciseOptions): void {
  const file = fileOf(options, false);
  const error = guarded('repair', () => void repairImage(file));
  if (error !== null && file.changes > 0 && error.code !== 'NO_SPACE') {
    throw new Violation('refused image changed', 'repair', `changed, and then: ${error.message}`);
  }
  if (file.grewTooLarge) throw new Violation('growth', 'repair', 'the file grew far past its end');
  guarded('check', () => void checkImage(file));
}

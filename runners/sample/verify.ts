/** After a run: reads the guest's disk back against the model, and has the engine's independent check look at the image. */
import {
  type CheckReport,
  checkImage,
  type GuestDevice,
  type GuestDisk,
  openFile,
  openImage,
  RawDisk,
} from '../../engine/index.ts';
import type { Verification } from '../../results/record.ts';
import type { DiskRange, ExpectedDisk } from '../../workloads/expected-disk.ts';

const READ_BYTES = 1024 * 1024;

export type ReadableDisk = Pick<GuestDevice, 'read' | 'map'>;

/** Lets others run between two steps of a long verification. */
type Pause = () => Promise<void>;

/**
 * Verifies the image in `imageFile`, or the raw disk, which has nothing to check but its content. With `wholeDisk` every byte of the
 * disk is accounted for, else only where something was written.
 * A difference or a corruption is a finding, not an error.
 */
export async function verify(
  imageFile: string,
  expected: ExpectedDisk,
  over: { readonly backing?: GuestDisk } | 'raw',
  wholeDisk: boolean,
  pause: Pause,
): Promise<Verification> {
  const file = openFile(imageFile, { mode: 'writeback', readOnly: true });
  try {
    if (over === 'raw') {
      const content = await compare(new RawDisk(file), expected, wholeDisk, pause);
      return { ...content, check: 'not-run', leaks: 0, corruptions: 0 };
    }
    const report = checkImage(file);
    await pause();
    const content = await compare(openImage(file, over), expected, wholeDisk, pause);
    return { ...content, check: verdictOf(report), leaks: report.leaks, corruptions: errorsOf(report) };
  } finally {
    file.close();
  }
}

function verdictOf(report: CheckReport): Verification['check'] {
  if (errorsOf(report) > 0) return 'corrupt';
  return report.leaks > 0 ? 'leaks' : 'clean';
}

/** Everything that is more than wasted space, COPIED flags and unreadable parts included: after an orderly close none may be. */
function errorsOf({ corruptions, copiedErrors, checkErrors }: CheckReport): number {
  return corruptions + copiedErrors + checkErrors;
}

/** Reads what was written, or the whole disk, and compares it with the model. */
export async function compare(
  disk: ReadableDisk,
  expected: ExpectedDisk,
  wholeDisk: boolean,
  pause: Pause,
): Promise<Pick<Verification, 'content' | 'contentBytes' | 'detail'>> {
  const buffer = new Uint8Array(READ_BYTES);
  let contentBytes = 0;
  for (const range of wholeDisk ? everythingStored(disk, expected) : everythingWritten(expected)) {
    if (range.isRead) {
      const bytes = buffer.subarray(0, range.length);
      disk.read(range.offset, bytes);
      const difference = expected.firstDifference(range.offset, bytes);
      if (difference !== undefined) return { content: 'different', contentBytes, detail: difference.message };
    }
    contentBytes += range.length;
    await pause();
  }
  return { content: 'equal', contentBytes };
}

interface VerifiedRange extends DiskRange {
  /** False where nobody wrote and nothing is stored: the map alone says that it reads as zeros, as it must. */
  readonly isRead: boolean;
}

function* everythingWritten(expected: ExpectedDisk): Generator<VerifiedRange> {
  for (const range of expected.changedRanges(READ_BYTES)) yield { ...range, isRead: true };
}

/**
 * The whole disk: read are what was ever written, and what is stored anywhere else. A disk of terabytes with a few writes costs
 * those, and a look at its tables.
 */
function* everythingStored(disk: ReadableDisk, expected: ExpectedDisk): Generator<VerifiedRange> {
  yield* everythingWritten(expected);
  const { sizeBytes } = expected;
  for (let offset = 0; offset < sizeBytes; ) {
    const { lengthBytes, stored, isHole } = disk.map(offset, sizeBytes - offset);
    const showsBacking = stored === 'absent' && 'backing' in disk && disk.backing !== null;
    const isRead = showsBacking || stored === 'compressed' || (stored === 'data' && isHole !== true);
    for (const part of expected.unchangedParts(offset, lengthBytes)) {
      if (isRead) yield* readPieces(part);
      else yield { ...part, isRead };
    }
    offset += lengthBytes;
  }
}

function* readPieces({ offset, length }: DiskRange): Generator<VerifiedRange> {
  for (let done = 0; done < length; done += READ_BYTES) {
    yield { offset: offset + done, length: Math.min(READ_BYTES, length - done), isRead: true };
  }
}

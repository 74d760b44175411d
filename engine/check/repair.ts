/**
 * Repair of refcounts and COPIED flags. Changes no guest byte: data clusters and pointers are never written.
 *
 * The order is chosen so that after a crash at any point the image is no more dangerous than before and can be repaired again:
 *  0. replace a snapshot table and L2 entries that can be put right without loss: written aside first, then named
 *  1. clear COPIED on shared clusters    no write in place destroys what a snapshot needs
 *  2. raise refcounts, or rebuild        no cluster in use is handed out again
 *  3. lower refcounts of leaked clusters nothing refers to them
 *  4. match COPIED with the refcounts    a set flag relies on 2 and 3
 *  5. clear the dirty and corrupt bits   only when a new check finds no error
 * A sync separates any two of them.
 */
import { Qcow2Error } from '../base/errors.ts';
import { roundUp } from '../base/units.ts';
import type { BlockFile } from '../io/block-file.ts';
import { StagedFile } from '../io/staged-file.ts';
import { type ExaminedImage, examineImage } from './check-image.ts';
import { repairCopiedFlags } from './copied-flags.ts';
import { repairEntries } from './entry-repair.ts';
import type { CheckOptions } from './examination.ts';
import { rebuildRefcounts } from './rebuild-refcounts.ts';
import { canWriteInPlace, widestRefcount, writeRefcounts } from './refcount-writing.ts';
import { type CheckReport, hasErrors } from './report.ts';
import { repairSnapshotTable } from './snapshot-repair.ts';

/** What to repair; everything that is not set to false. */
export interface RepairOptions {
  /**
   * Lower refcounts above the references; not done while a pointer in the image cannot be followed. The COPIED flags follow when
   * all counts are right then, or were before.
   */
  readonly leaks?: boolean;
  /** Raise refcounts below the references; extends a file that was cut off at its end, and replaces entries where nothing is lost. */
  readonly refcounts?: boolean;
  readonly copied?: boolean;
}

/** The checks before and after a repair, and what was changed. */
export interface RepairReport {
  readonly before: CheckReport;
  readonly after: CheckReport;
  /** Entries whose COPIED flag was changed. */
  readonly copiedChanged: number;
  /** True when new refcount structures were written. */
  readonly wasRebuilt: boolean;
}

const INCOMPATIBLE_LOW_BYTE = 79;
const AUTOCLEAR_FIELD = 88;
/** Bitmaps and raw external data: neither is about refcounts. */
const AUTOCLEAR_KEPT = 3n;
const DIRTY_AND_CORRUPT = 3;

/**
 * Repairs the image as far as the options allow; durable on return. What is left is in `after`. Throws READ_ONLY for a file that
 * cannot be written, and what {@link examineImage} throws; then the file is unchanged.
 */
export function repairImage(file: BlockFile, options: RepairOptions = {}, check: CheckOptions = {}): RepairReport {
  if (file.readOnly) {
    throw new Qcow2Error('READ_ONLY', `${file.name}: cannot repair, open for reading only`, { file: file.name });
  }
  const examined = examineImage(file, check);
  const canReplace = (options.refcounts ?? true) && examined.report.corruptions > 0;
  const replaced = canReplace ? repairWithReplacements(file, options, check) : null;
  return replaced === null ? repairInPlace(file, examined, options, check) : { ...replaced, before: examined.report };
}

/** With a snapshot table and entries replaced: only where nothing is wrong afterwards, else the file stays as it is. */
function repairWithReplacements(file: BlockFile, options: RepairOptions, check: CheckOptions): RepairReport | null {
  const staged = new StagedFile(file);
  clearUnknownAutoclear(staged, examineImage(staged, check));
  const replacedTable = repairSnapshotTable(examineImage(staged, check));
  const replacedEntries = repairEntries(examineImage(staged, check), staged);
  if (!replacedTable && !replacedEntries) return null;
  const repaired = repairInPlace(staged, examineImage(staged, check), options, check);
  if (hasErrors(repaired.after)) return null;
  staged.commit();
  return repaired;
}

function repairInPlace(
  file: BlockFile,
  present: ExaminedImage,
  { leaks = true, refcounts = true, copied = true }: RepairOptions,
  check: CheckOptions,
): RepairReport {
  let examined = present;
  clearUnknownAutoclear(file, examined);
  const before = examined.report;
  let copiedChanged = 0;
  let wasRebuilt = false;
  const examineAgain = () => {
    examined = examineImage(file, check);
  };

  if (copied) copiedChanged += changeCopiedFlags(file, examined, 'clear-shared');
  if (refcounts) {
    if (extendToPointers(file, examined)) examineAgain();
    wasRebuilt = raiseRefcounts(file, examined, leaks);
    examineAgain();
  }
  if (leaks && examined.report.leaks > 0 && lowerRefcounts(file, examined)) examineAgain();
  // A count that was lowered to 1 makes its clear flag an error; where the counts are right, now or all along, the flags follow.
  if (copied || (leaks && countsAreRight(examined.report))) {
    const changed = changeCopiedFlags(file, examined, 'match');
    if (changed > 0) examineAgain();
    copiedChanged += changed;
  }
  if (!hasErrors(examined.report) && clearStateBits(file, examined)) examineAgain();
  return { before, after: examined.report, copiedChanged, wasRebuilt };
}

function countsAreRight({ leaks, corruptions, checkErrors }: CheckReport): boolean {
  return leaks === 0 && corruptions === 0 && checkErrors === 0;
}

/** Before anything else is written: what an unknown bit stands for may be about refcounts (qcow2.rst, "Autoclear features"). */
function clearUnknownAutoclear(file: BlockFile, { examination: x }: ExaminedImage): void {
  if (x.shape.version < 3) return;
  const field = new Uint8Array(8);
  const view = new DataView(field.buffer);
  file.read(AUTOCLEAR_FIELD, field, 'header');
  const bits = view.getBigUint64(0);
  if ((bits & ~AUTOCLEAR_KEPT) === 0n) return;
  view.setBigUint64(0, bits & AUTOCLEAR_KEPT);
  file.write(AUTOCLEAR_FIELD, field, 'header');
  file.sync('other');
}

function changeCopiedFlags(file: BlockFile, examined: ExaminedImage, repair: 'clear-shared' | 'match'): number {
  const changed = repairCopiedFlags(examined, repair);
  if (changed > 0) file.sync('other');
  return changed;
}

/**
 * A crash may cut the file before clusters that were never written. They read as zeros; extended, they can be counted. Not done
 * for pointers so far out that they cannot come from such a crash.
 */
function extendToPointers(file: BlockFile, { examination: x }: ExaminedImage): boolean {
  const end = roundUp(x.outsideEnd, x.shape.clusterBytes);
  const plausibleEnd = 2 * x.shape.fileBytes + 64 * x.shape.clusterBytes;
  if (x.outsideEnd === 0 || !x.onlyClustersAreOutside || end > plausibleEnd) return false;
  file.truncate(end);
  file.sync('other');
  return true;
}

/** True when new structures were needed for it. */
function raiseRefcounts(file: BlockFile, examined: ExaminedImage, mayLower: boolean): boolean {
  const { examination: x } = examined;
  const widest = widestRefcount(x.shape.refcountOrder);
  const target = x.stored.map((found, cluster) => Math.max(found, Math.min(x.references.counts[cluster]!, widest)));
  const isRaised = target.some((count, cluster) => count !== x.stored[cluster]);
  if (!isRaised && x.refcountTableIsSound) return false;
  if (canWriteInPlace(examined, target)) {
    writeRefcounts(examined, target);
    file.sync('other');
    return false;
  }
  // New structures past the end would be where a pointer leads that cannot be followed.
  if (x.outsideEnd > 0) return false;
  rebuildRefcounts(examined, mayLower && x.everythingWasFollowed);
  return true;
}

function lowerRefcounts(file: BlockFile, examined: ExaminedImage): boolean {
  const { examination: x } = examined;
  if (!x.everythingWasFollowed) return false;
  const target = x.stored.map((found, cluster) => Math.min(found, x.references.counts[cluster]!));
  if (!canWriteInPlace(examined, target)) return false;
  writeRefcounts(examined, target);
  file.sync('other');
  return true;
}

function clearStateBits(file: BlockFile, { examination: x }: ExaminedImage): boolean {
  if (!x.shape.isDirty && !x.shape.isCorrupt) return false;
  const byte = new Uint8Array(1);
  file.read(INCOMPATIBLE_LOW_BYTE, byte, 'header');
  byte[0]! -= byte[0]! % (DIRTY_AND_CORRUPT + 1);
  file.write(INCOMPATIBLE_LOW_BYTE, byte, 'header');
  file.sync('other');
  return true;
}

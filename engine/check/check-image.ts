/**
 * The independent checker of an image (qcow2.rst, the whole of it): counts all references to every cluster and compares them with
 * the stored refcounts, and checks every pointer and flag on the way.
 *
 * Invariants:
 *  1. shares no code with the writer: own decoding, own walk;
 *  2. memory is bounded by the real size of the file, time by that and a budget of table entries;
 *  3. a malformed image gives findings, never an exception, unless its header cannot be interpreted at all;
 *  4. reads only.
 */
import type { BlockFile } from '../io/block-file.ts';
import { walkBitmaps } from './bitmap-walk.ts';
import { type CheckOptions, Examination } from './examination.ts';
import { type ImageShape, readImageShape } from './image-shape.ts';
import { walkL2Tables } from './l2-walk.ts';
import { MappingWalk } from './mapping-walk.ts';
import { OWNER_ENCRYPTION, OWNER_HEADER } from './references.ts';
import type { CheckReport } from './report.ts';
import { walkSnapshots } from './snapshot-walk.ts';
import { type BlockPlaces, loadStoredRefcounts, referToRefcountStructures } from './stored-refcounts.ts';

export type { CheckOptions } from './examination.ts';
export type { Finding, FindingKind, Severity } from './findings.ts';
export { type CheckReport, hasErrors, isClean } from './report.ts';

const SIZE_FIELD = 24;
const L1_ENTRIES_FIELD = 36;
const L1_OFFSET_FIELD = 40;
const ENCRYPTION_FIELD = 32;
const L1_LIMIT_ENTRIES = 2 ** 22;

/**
 * Checks the image in `file`, which is only read. Throws one {@link Qcow2Error}: CORRUPT or UNSUPPORTED when the header cannot be
 * interpreted, INVALID_ARGUMENT when the file is larger than the options allow.
 */
export function checkImage(file: BlockFile, options: CheckOptions = {}): CheckReport {
  return examineImage(file, options).report;
}

/** A report together with what it was drawn from, for those who want to repair. */
export interface ExaminedImage {
  readonly report: CheckReport;
  readonly examination: Examination;
  readonly refcountBlocks: BlockPlaces;
}

/** As {@link checkImage}, keeping the counted references and the stored refcounts. */
export function examineImage(file: BlockFile, options: CheckOptions = {}): ExaminedImage {
  const shape = readImageShape(file);
  const x = new Examination(file, shape, options);
  const refcountBlocks = loadStoredRefcounts(x);
  const walk = new MappingWalk(x);
  x.refer(0, 0, shape.clusterBytes, OWNER_HEADER);
  for (const { offset, expected, found } of shape.badFields) x.findings.add('header-field', offset, expected, found);
  walkActiveL1(x, walk);
  walkSnapshots(x, walk);
  walkL2Tables(walk);
  const encryption = shape.encryptionHeader;
  if (encryption !== null) x.refer(ENCRYPTION_FIELD, encryption.offset, encryption.lengthBytes, OWNER_ENCRYPTION);
  walkBitmaps(x);
  referToRefcountStructures(x, refcountBlocks);
  walk.judgeCopiedDoubts();
  const imageEndOffset = compareRefcounts(x);
  return { report: reportOf(x, imageEndOffset), examination: x, refcountBlocks };
}

function walkActiveL1(x: Examination, walk: MappingWalk): void {
  const { l1, clusterBytes } = x.shape;
  const entries = l1.lengthBytes / 8;
  const needed = l1EntriesNeeded(x.shape);
  if (!Number.isSafeInteger(x.shape.sizeBytes) || needed > L1_LIMIT_ENTRIES) {
    x.findings.add('header-field', SIZE_FIELD, 'a virtual size that an L1 table can map', x.shape.sizeText);
  }
  if (entries < needed) x.findings.add('header-field', L1_ENTRIES_FIELD, `at least ${needed} L1 entries`, entries);
  if (entries > L1_LIMIT_ENTRIES) {
    x.findings.add('header-field', L1_ENTRIES_FIELD, `at most ${L1_LIMIT_ENTRIES} L1 entries`, entries);
    x.everythingWasFollowed = false;
  } else if (l1.offset % clusterBytes !== 0 || (l1.offset === 0 && entries > 0)) {
    x.findings.add('header-field', L1_OFFSET_FIELD, `a multiple of ${clusterBytes}`, l1.offset);
    x.everythingWasFollowed = false;
  } else {
    walk.l1Table(L1_OFFSET_FIELD, l1, true);
  }
}

function l1EntriesNeeded(shape: ImageShape): number {
  const entriesPerL2 = shape.clusterBytes / (shape.hasExtendedL2 ? 16 : 8);
  return Math.ceil(shape.sizeBytes / shape.clusterBytes / entriesPerL2);
}

/** Compares stored refcounts with references; returns the end of the last cluster that has either. */
function compareRefcounts(x: Examination): number {
  const { stored, references } = x;
  const { counts, owners } = references;
  let last = 0;
  for (let cluster = 0; cluster < counts.length; cluster++) {
    const found = stored[cluster]!;
    const expected = counts[cluster]!;
    if (found === 0 && expected === 0) continue;
    last = cluster;
    // The common case first: one reference, refcount 1, one kind of owner.
    if (found === expected && found === 1 && owners[cluster] !== 0) continue;
    compareCluster(x, cluster, found, expected);
  }
  return (last + 1) * x.shape.clusterBytes;
}

function compareCluster(x: Examination, cluster: number, found: number, references: number): void {
  const offset = cluster * x.shape.clusterBytes;
  const widest = 2 ** Math.min(2 ** x.shape.refcountOrder, 32) - 1;
  const expected = Math.min(references, widest);
  if (references > widest) x.findings.add('refcount-overflow', offset, widest, references, references - widest);
  if (found < expected) x.findings.add('refcount-low', offset, expected, found);
  else if (found > expected) x.findings.add('leak', offset, expected, found);
  if (found >= expected && x.references.hasTwoOwners(cluster)) {
    x.findings.add('two-owners', offset, 'one owner', `${references} references by ${x.references.ownerName(cluster)}`);
  }
}

function reportOf(x: Examination, imageEndOffset: number): CheckReport {
  const { findings, shape } = x;
  return {
    fileName: shape.fileName,
    leaks: findings.count('leak'),
    corruptions: findings.count('corruption'),
    copiedErrors: findings.count('copied'),
    copiedShared: findings.copiedShared,
    checkErrors: findings.count('check-error'),
    findings: findings.list,
    isDirty: shape.isDirty,
    isCorrupt: shape.isCorrupt,
    imageEndOffset,
    totalClusters: Math.ceil(shape.sizeBytes / shape.clusterBytes),
    allocatedClusters: x.allocatedClusters,
    fragmentedClusters: x.fragmentedClusters,
    compressedClusters: x.compressedClusters,
  };
}

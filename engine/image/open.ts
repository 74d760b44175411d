/** Opening an image: from a file and options to the state that the other modules share. */
import { Qcow2Error } from '../base/errors.ts';
import { findPolicy, type PolicyName, policyOfStage } from '../cache/policies.ts';
import type { CachePolicy } from '../cache/policy.ts';
import type { Stage, StageId } from '../cache/stage.ts';
import { TableCache } from '../cache/table-cache.ts';
import { hasErrors } from '../check/check-image.ts';
import { repairImage } from '../check/repair.ts';
import type { GuestDisk } from '../disk/device.ts';
import { COMPATIBLE, type Header, INCOMPATIBLE } from '../format/header.ts';
import type { BlockFile } from '../io/block-file.ts';
import type { DurableFile } from '../io/durability.ts';
import { StagedFile } from '../io/staged-file.ts';
import { type CacheSizeOptions, cacheCapacities } from './cache-sizes.ts';
import { clearUnknownAutoclear, FeatureBits } from './feature-bits.ts';
import { stackFiles } from './file-stack.ts';
import { geometryOf, readHeaderAndTables, readSnapshots } from './metadata.ts';
import type { OverlapCheck } from './overlap.ts';
import { assemble, type ImageState } from './state.ts';

export interface OpenOptions extends CacheSizeOptions {
  /** Metadata cache policy. Default: the one of `stage`, or `writeback`. */
  readonly policy?: PolicyName;
  /** Point of history. Default: the policy's own. */
  readonly stage?: StageId;
  /** What lies under the image. An image with a backing file is refused without it; its name is never followed by itself. */
  readonly backing?: GuestDisk;
  /** The external data file of an image that has one; its name is never followed by itself. Closed with the image. */
  readonly dataFile?: BlockFile;
  /** Postpone refcounts behind the dirty bit (version 3). Default: as the image says. */
  readonly lazyRefcounts?: boolean;
  /** Which metadata is protected against being overwritten. Default `cached`. */
  readonly overlapCheck?: OverlapCheck;
  /** Puts a policy of the caller's around the chosen one, to watch or to alter what it is asked; it must pass on all else. */
  readonly decoratePolicy?: (policy: CachePolicy) => CachePolicy;
  /** Give discarded clusters back to the file system, once they are durably free. Default true. */
  readonly punchHoles?: boolean;
}

/**
 * @throws Qcow2Error CORRUPT or UNSUPPORTED for an image that cannot be used, INVALID_ARGUMENT for options that do not fit it.
 * Nothing is written to an image that is refused; one that was not closed cleanly is repaired first.
 */
export function openState(file: BlockFile, options: OpenOptions): ImageState {
  let { header, ...tables } = readHeaderAndTables(file);
  refuseUnusable(file, header, options);
  const snapshots = readSnapshots(file, header);
  const { preset, stage } = choosePolicy(file, options);
  const lazyRefcounts = usesLazyRefcounts(header, options);
  cacheCapacities(options, stage, 2 ** header.clusterBits);
  // Last of all that can refuse the image, because it writes.
  if (hasFeature(header, INCOMPATIBLE.dirty) && !file.readOnly) {
    repairUnclean(file);
    ({ header, ...tables } = readHeaderAndTables(file));
  }
  const { overlapCheck = 'cached', dataFile = null } = options;
  const { staleTables, ...files } = stackFiles(file, dataFile, overlapCheck, 2 ** header.clusterBits);
  const policy = (options.decoratePolicy ?? asItIs)(preset.create(files.file, stage));
  const { geometry, ...caches } = makeCaches(files.file, header, stage, policy, options);
  for (const cache of [caches.l2, caches.refcounts]) {
    cache.observe(policy);
    cache.observe(staleTables);
  }
  policy.attach(caches);
  const features = new FeatureBits(policy, header);
  const state = assemble({
    ...files,
    geometry,
    header,
    vars: {
      sizeBytes: header.sizeBytes,
      ...tables,
      snapshots,
      snapshotsOffset: header.snapshotsOffset,
      freeClusterIndex: 0,
      freeByteOffset: 0,
    },
    stage,
    policy,
    ...caches,
    features,
    lazyRefcounts,
    backing: options.backing ?? null,
    copyBuffer: new Uint8Array(geometry.clusterBytes),
    freedRanges: (options.punchHoles ?? true) ? [] : null,
  });
  files.guard.protect(state);
  if (!file.readOnly) clearUnknownAutoclear(features);
  return state;
}

function asItIs(policy: CachePolicy): CachePolicy {
  return policy;
}

function choosePolicy(file: BlockFile, { policy, stage }: OpenOptions): ReturnType<typeof findPolicy> {
  const mode = file.writesAreDurable ? 'writethrough' : 'writeback';
  return findPolicy(policy ?? (stage === undefined ? 'writeback' : policyOfStage(stage, mode)), stage);
}

function makeCaches(
  file: DurableFile,
  header: Header,
  stage: Stage,
  policy: ImageState['policy'],
  options: OpenOptions,
) {
  const { l2Tables, refcountBlocks, l2SliceBytes } = cacheCapacities(options, stage, 2 ** header.clusterBits);
  const geometry = geometryOf(header, l2SliceBytes);
  const shared = { replacement: stage.replacement, layout: stage.layout, clusterBytes: geometry.clusterBytes };
  const l2 = { ...shared, kind: 'l2', capacity: l2Tables, tableBytes: geometry.l2SliceBytes } as const;
  const refcounts = {
    ...shared,
    kind: 'refcount-block',
    capacity: refcountBlocks,
    tableBytes: geometry.clusterBytes,
  } as const;
  return { geometry, l2: new TableCache(file, policy, l2), refcounts: new TableCache(file, policy, refcounts) };
}

function usesLazyRefcounts(header: Header, options: OpenOptions): boolean {
  if (options.lazyRefcounts && header.version === 2) {
    throw new Qcow2Error('INVALID_ARGUMENT', 'lazy refcounts need a version 3 image');
  }
  return options.lazyRefcounts ?? (header.compatibleFeatures & COMPATIBLE.lazyRefcounts) !== 0n;
}

function hasFeature(header: Header, bit: bigint): boolean {
  return (header.incompatibleFeatures & bit) !== 0n;
}

function refuseUnusable(file: BlockFile, header: Header, options: OpenOptions): void {
  const refuse = (code: 'UNSUPPORTED' | 'CORRUPT' | 'INVALID_ARGUMENT', message: string) => {
    throw new Qcow2Error(code, `${file.name}: ${message}`, { file: file.name });
  };
  if (header.cryptMethod !== 0)
    refuse(
      'UNSUPPORTED',
      `the image is encrypted (${header.cryptMethod === 1 ? 'AES' : 'LUKS'}), which is not supported`,
    );
  if (hasFeature(header, INCOMPATIBLE.corrupt) && !file.readOnly) {
    refuse('CORRUPT', 'image is marked corrupt and cannot be opened for writing; check and repair it first');
  }
  if (header.backingFileName !== null && options.backing === undefined) {
    refuse(
      'INVALID_ARGUMENT',
      `the image has a backing file (${JSON.stringify(header.backingFileName)}), which must be allowed explicitly`,
    );
  }
  const wantsDataFile = hasFeature(header, INCOMPATIBLE.dataFile);
  if (wantsDataFile && options.dataFile === undefined) {
    refuse(
      'INVALID_ARGUMENT',
      `the image keeps its data in another file (${JSON.stringify(header.dataFileName)}), which must be allowed explicitly`,
    );
  }
  if (!wantsDataFile && options.dataFile !== undefined)
    refuse('INVALID_ARGUMENT', 'the image has no external data file');
}

/**
 * Rebuilds what the dirty bit says may be wrong: the refcounts (qcow2.rst, "Incompatible features", bit 0). An image that this does
 * not cure stays as it is.
 */
export function repairUnclean(file: BlockFile): void {
  const staged = new StagedFile(file);
  if (!hasErrors(repairImage(staged).after)) return staged.commit();
  throw new Qcow2Error('CORRUPT', `${file.name}: image was not closed cleanly and could not be repaired`, {
    file: file.name,
  });
}

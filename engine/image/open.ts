/** Opening an image: from a file and options to its parts, put together. */
import { corrupt, Qcow2Error } from '../base/errors.ts';
import type { AllocatorFactory } from '../cache/allocator.ts';
import type { Behaviour } from '../cache/behaviour.ts';
import type { SnapshotWalk } from '../cache/policy.ts';
import { TableCache } from '../cache/table-cache.ts';
import { hasErrors } from '../check/check-image.ts';
import { repairImage } from '../check/repair.ts';
import type { GuestDisk } from '../disk/device.ts';
import { COMPATIBLE, type Header, INCOMPATIBLE } from '../format/header.ts';
import type { BlockFile, TableKind } from '../io/block-file.ts';
import { StagedFile } from '../io/staged-file.ts';
import { type CacheCapacities, type CacheSizeOptions, cacheCapacities } from './cache-sizes.ts';
import { choosePolicy, type PolicyOptions } from './chosen-policy.ts';
import { clearUnknownAutoclear, FeatureBits } from './feature-bits.ts';
import { stackFiles } from './file-stack.ts';
import { FreeAtOnce } from './free-at-once.ts';
import { assemble, type ImageParts } from './image-parts.ts';
import { geometryOf, readHeaderAndTables, readSnapshots } from './metadata.ts';
import type { OverlapCheck } from './overlap.ts';

/** How an image is opened; everything has a default. */
export interface OpenOptions extends CacheSizeOptions, PolicyOptions {
  /** What lies under the image. An image with a backing file is refused without it; its name is never followed on its own. */
  readonly backing?: GuestDisk;
  /** The external data file of an image that has one; its name is never followed on its own. Closed with the image. */
  readonly dataFile?: BlockFile;
  /** Postpone refcounts under the dirty bit (version 3). Default: as the image says. */
  readonly lazyRefcounts?: boolean;
  /** Which metadata is protected against being overwritten. Default `cached`. */
  readonly overlapCheck?: OverlapCheck;
  /** Every request is durable on return. Default: where the file is O_DSYNC and the policy flushes to write through. */
  readonly writethrough?: boolean;
  /** Give discarded clusters back to the file system, once they are durably free. Default true. */
  readonly punchHoles?: boolean;
}

/**
 * @throws Qcow2Error CORRUPT or UNSUPPORTED for an image that cannot be used, INVALID_ARGUMENT for options that do not fit it.
 * Nothing is written to an image that is refused; one that was not closed cleanly is repaired first.
 */
export function openParts(file: BlockFile, options: OpenOptions): ImageParts {
  let { header, ...tables } = readHeaderAndTables(file);
  refuseUnusable(file, header, options);
  const snapshots = readSnapshots(file, header);
  const { create, behaviour } = choosePolicy(options, file.writesAreDurable);
  const lazyRefcounts = usesLazyRefcounts(header, options);
  capacitiesFor(header, options, behaviour);
  // Last of all that can refuse the image, because it writes.
  if (hasFeature(header, INCOMPATIBLE.dirty) && !file.readOnly) {
    repairUnclean(file);
    ({ header, ...tables } = readHeaderAndTables(file));
  }
  const { overlapCheck = 'cached', dataFile = null } = options;
  const { staleTables, ...files } = stackFiles(file, dataFile, overlapCheck, 2 ** header.clusterBits);
  const { l2Tables, refcountBlocks, l2SliceBytes } = capacitiesFor(header, options, behaviour);
  const geometry = geometryOf(header, l2SliceBytes);
  // Made after the policy, which writes what it says.
  let features: FeatureBits | undefined;
  const refcountsMayLag = () => lazyRefcounts && features?.dirty === true;
  const {
    policy,
    snapshotWalk = PLAIN_WALK,
    createAllocator = freeAtOnce,
  } = create({ file: files.file, geometry, behaviour, lazyRefcounts, refcountsMayLag, ...reserveOf(options) });
  const newCache = (kind: TableKind, capacity: number, tableBytes: number) => {
    const { replacement, layout } = behaviour;
    const shape = { kind, capacity, tableBytes, clusterBytes: geometry.clusterBytes, replacement, layout };
    const cache = new TableCache(files.file, policy, shape);
    cache.observe(policy);
    if (behaviour.staleTables === 'discarded') cache.observe(staleTables);
    return cache;
  };
  const caches = {
    l2: newCache('l2', l2Tables, geometry.l2SliceBytes),
    refcounts: newCache('refcount-block', refcountBlocks, geometry.clusterBytes),
  };
  policy.attach(caches);
  features = new FeatureBits(policy, header);
  const parts = assemble({
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
      unpublished: [],
    },
    behaviour,
    policy,
    snapshotWalk,
    createAllocator,
    ...caches,
    features,
    lazyRefcounts,
    backing: options.backing ?? null,
    punchHoles: options.punchHoles ?? true,
    writesThrough: options.writethrough ?? (file.writesAreDurable && behaviour.flushesToWriteThrough),
  });
  files.guard.protect(parts);
  if (!file.readOnly) clearUnknownAutoclear(features);
  return parts;
}

function capacitiesFor(header: Header, options: OpenOptions, behaviour: Behaviour): CacheCapacities {
  const { clusterBytes, bytesPerL2Table } = geometryOf(header);
  return cacheCapacities(options, behaviour, clusterBytes, bytesPerL2Table, header.sizeBytes);
}

function reserveOf({ reserve }: OpenOptions): Pick<OpenOptions, 'reserve'> {
  return reserve === undefined ? {} : { reserve };
}

const freeAtOnce: AllocatorFactory = (parts) => new FreeAtOnce(parts);

/** Around a walk that is nothing special to the policy. */
const PLAIN_WALK: SnapshotWalk = {
  begin() {},
  end(publishL1) {
    publishL1();
  },
};

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
  throw corrupt(file.name, 'image was not closed cleanly and could not be repaired');
}

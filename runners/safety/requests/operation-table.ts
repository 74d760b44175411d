/**
 * The operations that short crash workloads are made of, on a disk that has a little of everything: see `startImages`.
 *
 * Each knows its place in the sequence, so that the same operation twice does not write the same clusters.
 */
import { SECTOR_BYTES } from '../../../engine/index.ts';
import type { CrashImage, CrashRequest } from './crash-workload.ts';

export interface SequenceState {
  readonly image: CrashImage;
  /** Snapshots that exist at its place, oldest first. */
  readonly snapshots: readonly string[];
  /** Place in the sequence, from 0. */
  readonly place: number;
}

export interface Operation {
  readonly name: string;
  /** The requests it is made of; null where it makes no sense. */
  requests(state: SequenceState): CrashRequest[] | null;
}

/** Clusters of the first L2 table that are in use from the start. */
const OVERWRITTEN = 0;
const ZEROED = 1;
const PARTLY_WRITTEN = 2;
const BEFORE_COMPRESSED = 3;
const COMPRESSED = 4;
/** ... and the first that none uses. */
const FREE = 8;

const clusters = (state: SequenceState, first: number, count = 1) => ({
  offset: first * state.image.clusterSizeBytes,
  length: count * state.image.clusterSizeBytes,
});

const clustersPerL2Table = ({ image }: SequenceState) => image.clusterSizeBytes / 8;

export const OPERATIONS: readonly Operation[] = [
  {
    name: 'alloc',
    // Every other one needs a new L2 table.
    requests: (state) => {
      const isNewTable = state.place % 2 === 0;
      const first = isNewTable ? clustersPerL2Table(state) * (1 + state.place / 2) : FREE + state.place;
      return [{ op: 'write', ...clusters(state, first) }];
    },
  },
  { name: 'overwrite', requests: (state) => [{ op: 'write', ...clusters(state, OVERWRITTEN) }] },
  {
    name: 'sub-cluster',
    requests: (state) => {
      const cluster = state.place % 2 === 0 ? PARTLY_WRITTEN : FREE + 8 + state.place;
      const offset = cluster * state.image.clusterSizeBytes + state.image.clusterSizeBytes / 2;
      return [{ op: 'write', offset: offset - (offset % SECTOR_BYTES), length: SECTOR_BYTES }];
    },
  },
  {
    name: 'cross-cluster',
    requests: ({ image }) => {
      const offset = COMPRESSED * image.clusterSizeBytes - SECTOR_BYTES;
      return [{ op: 'write', offset, length: 2 * SECTOR_BYTES }];
    },
  },
  {
    name: 'write-zeroes',
    requests: (state) => [{ op: 'write-zeroes', ...clusters(state, ZEROED), mayUnmap: state.place % 2 === 0 }],
  },
  { name: 'discard', requests: (state) => [{ op: 'discard', ...clusters(state, OVERWRITTEN) }] },
  {
    name: 'compressed',
    requests: (state) => [{ op: 'write-compressed', ...clusters(state, FREE + 16 + state.place) }],
  },
  { name: 'flush', requests: () => [{ op: 'flush' }] },
  { name: 'snapshot-create', requests: ({ place }) => [{ op: 'snapshot-create', name: `new${place}` }] },
  {
    name: 'snapshot-apply',
    requests: ({ snapshots }) => (snapshots.length === 0 ? null : [{ op: 'snapshot-apply', name: snapshots[0]! }]),
  },
  {
    name: 'snapshot-delete',
    requests: ({ snapshots }) => (snapshots.length === 0 ? null : [{ op: 'snapshot-delete', name: snapshots[0]! }]),
  },
  {
    name: 'savevm',
    requests: ({ place, image }) => {
      const length = Math.max(image.clusterSizeBytes, 2 * SECTOR_BYTES);
      return [
        { op: 'vmstate-write', offset: 0, length },
        { op: 'snapshot-create', name: `vm${place}`, vmStateBytes: length },
      ];
    },
  },
  {
    name: 'resize',
    // One L2 table more each time, so that the L1 table may have to grow.
    requests: ({ image, place }) => {
      const bytesPerL2Table = (image.clusterSizeBytes / 8) * image.clusterSizeBytes;
      return [{ op: 'resize', sizeBytes: image.sizeBytes + (place + 1) * bytesPerL2Table }];
    },
  },
  { name: 'close', requests: () => [{ op: 'reopen' }] },
];

export interface StartImage {
  readonly name: string;
  readonly before: readonly CrashRequest[];
  readonly snapshots: readonly string[];
}

/** What a sequence starts from: plain and compressed clusters; the same, but shared with a snapshot that the disk has since left. */
export function startImages(image: CrashImage): StartImage[] {
  const cluster = image.clusterSizeBytes;
  const plain: CrashRequest[] = [
    { op: 'write', offset: 0, length: (BEFORE_COMPRESSED + 1) * cluster },
    { op: 'write-compressed', offset: COMPRESSED * cluster, length: cluster },
    { op: 'flush' },
  ];
  const shared: CrashRequest[] = [
    ...plain,
    { op: 'snapshot-create', name: 'old' },
    { op: 'write', offset: ZEROED * cluster, length: cluster },
    { op: 'flush' },
  ];
  return [
    { name: 'plain', before: plain, snapshots: [] },
    { name: 'shared', before: shared, snapshots: ['old'] },
  ];
}

/**
 * More named crash workloads, of mechanisms that history does not have. Policies of history are explored without them, so that their
 * figures stay comparable. Several requesters at once are served in batches: who hears of what, and when?
 */
import { SECTOR_BYTES } from '../../../engine/index.ts';
import { buildNamed, FLUSH, type NamedWorkload, type WorkloadShape, write } from './build-named.ts';
import type { CrashRequest, CrashWorkload } from './crash-workload.ts';

const durably = (offset: number, length: number): CrashRequest => ({ op: 'write', offset, length, durable: true });

/** No two requests of a batch are about the same sectors. */
export const LATER_WORKLOADS: readonly NamedWorkload[] = [
  {
    name: 'rewrite',
    summary: 'durable clusters are rewritten in place: a flush has data to make durable, and no table',
    build: (cluster) => ({
      before: [write(0, 3 * cluster)],
      during: [write(0, cluster), FLUSH, write(2 * cluster, SECTOR_BYTES), FLUSH, write(0, SECTOR_BYTES)],
    }),
  },
  {
    name: 'drain',
    summary: 'more new clusters between two flushes, one by one, than were counted ahead',
    build: (cluster) => ({
      before: [],
      during: [
        write(0, cluster),
        FLUSH,
        ...Array.from({ length: 24 }, (_, at) => write((2 + at) * cluster, cluster)),
        FLUSH,
      ],
    }),
  },
  {
    name: 'group-commit',
    summary: 'four requesters: durable writes of new clusters, then writes and flushes in one batch',
    build: (cluster) => ({
      before: [write(0, cluster)],
      during: [
        ...[2, 3, 4, 5].map((index) => durably(index * cluster, cluster)),
        ...[write(6 * cluster, cluster), write((cluster / 8) * cluster, SECTOR_BYTES), FLUSH, FLUSH],
        ...[durably(2 * cluster, SECTOR_BYTES), write(7 * cluster, cluster), FLUSH, durably(8 * cluster, cluster)],
      ],
      requesters: 4,
    }),
  },
  {
    name: 'group-reuse',
    summary: 'four requesters: one discards what others would reuse, and a flush is shared',
    build: (cluster) => ({
      before: [write(0, 3 * cluster), { op: 'snapshot-create', name: 'old' }, write(4 * cluster, 2 * cluster)],
      during: [
        { op: 'discard', offset: 4 * cluster, length: cluster },
        ...[write(8 * cluster, cluster), durably(0, SECTOR_BYTES), FLUSH],
        { op: 'write-zeroes', offset: 5 * cluster, length: cluster, mayUnmap: true },
        ...[durably(9 * cluster, 2 * cluster), FLUSH, write(cluster, SECTOR_BYTES)],
      ],
      requesters: 4,
    }),
  },
  {
    name: 'full-reuse',
    summary: 'the file system is full: clusters that were discarded and are not free yet are needed at once',
    build: (cluster) => ({
      before: [write(0, 4 * cluster)],
      during: [
        { op: 'discard', offset: 0, length: 2 * cluster },
        ...[write(8 * cluster, cluster), write(9 * cluster, SECTOR_BYTES), write(12 * cluster, cluster)],
        ...[FLUSH, write(3 * cluster, cluster), write(13 * cluster, cluster)],
      ],
      freeClusters: 1,
    }),
  },
  {
    name: 'full-snapshot',
    summary: 'the same for the tables of a snapshot, and for the first write after it',
    build: (cluster) => ({
      before: [write(0, 6 * cluster), { op: 'snapshot-create', name: 'old' }, write(0, cluster)],
      during: [
        { op: 'snapshot-delete', name: 'old' },
        { op: 'discard', offset: cluster, length: 4 * cluster },
        ...[{ op: 'snapshot-create', name: 'new' } as const, write(0, cluster), FLUSH, write(5 * cluster, cluster)],
      ],
      freeClusters: 0,
    }),
  },
  {
    name: 'full-reserve',
    summary: 'the file system fills up while clusters are counted ahead',
    build: (cluster) => ({
      before: [write(0, cluster)],
      during: [
        ...[write(2 * cluster, cluster), FLUSH, ...[3, 4, 5, 6].map((at) => write(at * cluster, cluster)), FLUSH],
        ...[{ op: 'discard', offset: 2 * cluster, length: 2 * cluster } as const, write(7 * cluster, 2 * cluster)],
      ],
      freeClusters: 4,
    }),
  },
];

/** Every workload of the list, in one shape. */
export function laterWorkloads(shape: WorkloadShape): CrashWorkload[] {
  return LATER_WORKLOADS.map((named) => buildNamed(named, shape));
}

/** What servers are loaded with: large requests in order, small ones on content that is there, and commits of many clients. */
import { KiB, MiB } from '../../../engine/index.ts';
import type { FioJob } from './fio.ts';

const CLUSTER_BYTES = 64 * KiB;
const BLOCK_BYTES = 4 * KiB;

export interface JobSizes {
  readonly clients: readonly number[];
  /** Commits of each client. */
  readonly commits: number;
  /** Written and read in order; the small requests go there, too. */
  readonly filledBytes: number;
  /** For each job of small requests. */
  readonly milliseconds: number;
}

/** The disk is large enough for the commits of all clients, each in clusters of its own, and for {@link warmUp} past them. */
export function diskBytes(sizes: JobSizes): number {
  return usedBytes(sizes) + sizes.filledBytes;
}

function usedBytes({ clients, commits, filledBytes }: JobSizes): number {
  const areas = clients.reduce((sum, count) => sum + count, 0);
  return filledBytes + areas * commits * CLUSTER_BYTES;
}

/**
 * What a server does first, uncounted: a server that has just started compiles what it runs, and no server is measured for its start. It
 * writes where no other job does.
 */
export function warmUp(sizes: JobSizes): FioJob {
  const options = { bs: MiB, iodepth: 4, offset: usedBytes(sizes), size: sizes.filledBytes, rw: 'write' };
  return { name: 'warm-up', options, clients: 1 };
}

/** The jobs without flushes. */
export function plainJobs({ filledBytes, milliseconds }: JobSizes): FioJob[] {
  const large = { bs: MiB, iodepth: 4, size: filledBytes };
  const timed = { time_based: 1, runtime: `${milliseconds}ms`, randseed: 1 };
  const small = { bs: BLOCK_BYTES, iodepth: 16, size: filledBytes, ...timed };
  return [
    { name: 'sequential write, 1 MiB', options: { ...large, rw: 'write' }, clients: 1 },
    { name: 'sequential read, 1 MiB', options: { ...large, rw: 'read' }, clients: 1 },
    { name: 'random read, 4 KiB, cached', options: { ...small, rw: 'randread' }, clients: 1 },
    { name: 'random write, 4 KiB, allocated', options: { ...small, rw: 'randwrite' }, clients: 1 },
  ];
}

/** One job a number of clients: writes of 4 KiB, each into a fresh cluster and followed by a flush. */
export function commitJobs({ clients, commits, filledBytes }: JobSizes): FioJob[] {
  const areaBytes = commits * CLUSTER_BYTES;
  let offset = filledBytes;
  return clients.map((count) => {
    const place = { offset, offset_increment: areaBytes, size: areaBytes };
    offset += count * areaBytes;
    const stride = `write:${CLUSTER_BYTES - BLOCK_BYTES}`;
    return {
      name: `commits of ${count} ${count === 1 ? 'client' : 'clients'}`,
      options: { ...place, rw: stride, bs: BLOCK_BYTES, iodepth: 1, fsync: 1, number_ios: commits },
      clients: count,
    };
  });
}

/** Crash workloads by name: one idea each, small enough that every state is tried. */
import { KiB, MiB, SECTOR_BYTES } from '../../../engine/index.ts';
import { findWorkload, WORKLOADS } from '../../../workloads/registry.ts';
import type { GuestRequest, RequestStream } from '../../../workloads/request.ts';
import { sentBy } from '../../../workloads/requesters.ts';
import { UsageError } from '../../console/errors.ts';
import { unknownWord } from '../../console/suggest.ts';
import { buildNamed, FLUSH, type NamedWorkload, type WorkloadShape, write } from './build-named.ts';
import type { CrashRequest, CrashWorkload } from './crash-workload.ts';
import { LATER_WORKLOADS } from './later-workloads.ts';
import { OPERATIONS, type Operation, startImages } from './operation-table.ts';
import { sequenceImage, sequenceWorkload } from './sequences.ts';

/** A refcount block of 512 bytes counts 256 clusters. */
const wideClusters = (cluster: number): number => (cluster === 512 ? 280 : 3);

export const NAMED_WORKLOADS: readonly NamedWorkload[] = [
  {
    name: 'allocate',
    summary: 'new clusters in two L2 tables, one of them new, and a flush',
    build: (cluster) => ({
      before: [write(0, cluster)],
      during: [
        write(3 * cluster, cluster),
        write((cluster / 8) * cluster, 2 * cluster),
        FLUSH,
        write(9 * cluster, SECTOR_BYTES),
      ],
    }),
  },
  {
    name: 'after-snapshot',
    summary: 'first writes after a snapshot: shared clusters and a shared L2 table are copied',
    build: (cluster) => ({
      before: [write(0, 3 * cluster), { op: 'snapshot-create', name: 'old' }],
      during: [write(0, cluster), write(cluster, SECTOR_BYTES), FLUSH, write(2 * cluster, cluster)],
    }),
  },
  {
    name: 'snapshot-create',
    summary: 'a snapshot of a disk with unflushed writes, a flush, a write to a shared cluster',
    build: (cluster) => ({
      before: [write(0, 2 * cluster)],
      during: [write(0, cluster), { op: 'snapshot-create', name: 'new' }, FLUSH, write(cluster, cluster)],
    }),
  },
  {
    name: 'snapshot-apply',
    summary: 'back to a snapshot, a flush, a write',
    build: (cluster) => ({
      before: [write(0, 2 * cluster), { op: 'snapshot-create', name: 'old' }, write(0, cluster)],
      during: [{ op: 'snapshot-apply', name: 'old' }, FLUSH, write(cluster, cluster)],
    }),
  },
  {
    name: 'snapshot-delete',
    summary: 'a snapshot is deleted, new clusters may reuse its space',
    build: (cluster) => ({
      before: [write(0, 2 * cluster), { op: 'snapshot-create', name: 'old' }, write(0, cluster)],
      during: [{ op: 'snapshot-delete', name: 'old' }, write(5 * cluster, cluster), FLUSH],
    }),
  },
  {
    name: 'snapshot-return',
    summary: 'a snapshot is taken, and the disk goes back to an older one',
    build: (cluster) => ({
      before: [write(0, 2 * cluster), { op: 'snapshot-create', name: 'old' }, write(cluster, cluster)],
      during: [
        { op: 'snapshot-create', name: 'new' },
        { op: 'snapshot-apply', name: 'old' },
      ],
    }),
  },
  {
    name: 'snapshot-apply-wide',
    summary: 'back to a snapshot of a disk that needs two refcount blocks (with 512-byte clusters)',
    build: (cluster) => ({
      before: [write(0, wideClusters(cluster) * cluster), { op: 'snapshot-create', name: 'old' }, write(0, cluster)],
      during: [{ op: 'snapshot-apply', name: 'old' }, FLUSH],
      sizeBytes: cluster * cluster,
    }),
  },
  {
    name: 'snapshot-delete-wide',
    summary: 'a snapshot of such a disk is deleted',
    build: (cluster) => ({
      before: [write(0, wideClusters(cluster) * cluster), { op: 'snapshot-create', name: 'old' }, write(0, cluster)],
      during: [{ op: 'snapshot-delete', name: 'old' }, FLUSH],
      sizeBytes: cluster * cluster,
    }),
  },
  {
    name: 'reuse-compressed',
    summary: 'a durable compressed cluster is overwritten and its space reused before the next flush',
    build: (cluster) => ({
      before: [{ op: 'write-compressed', offset: 0, length: cluster }],
      during: [write(0, cluster), write(2 * cluster, cluster), FLUSH],
    }),
  },
  {
    name: 'compress',
    summary: 'a durable cluster is rewritten compressed, which frees its old space',
    build: (cluster) => ({
      before: [write(0, 2 * cluster)],
      during: [{ op: 'write-compressed', offset: 0, length: cluster }, FLUSH],
    }),
  },
  {
    name: 'reuse-discarded',
    summary: 'a durable cluster is discarded and its space reused before the next flush',
    build: (cluster) => ({
      before: [write(0, 2 * cluster)],
      during: [{ op: 'discard', offset: 0, length: cluster }, write(4 * cluster, cluster), FLUSH],
    }),
  },
  {
    name: 'eviction',
    summary: 'more L2 tables than a small cache holds',
    build: (cluster) => ({
      before: [],
      during: [0, 1, 2, 0, 1]
        .map((table, index) => write(((table * cluster) / 8 + index) * cluster, SECTOR_BYTES))
        .concat(FLUSH),
    }),
  },
  {
    name: 'eviction-unsynced',
    summary: 'a small cache: a dirty L2 table is evicted before the refcounts that depend on it are written',
    build: (cluster) => {
      const tableBytes = (cluster / 8) * cluster;
      const inTables = (index: number) =>
        [0, 1, 2].map((table) => write(table * tableBytes + index * cluster, cluster));
      return {
        before: [...inTables(0), ...inTables(1), { op: 'snapshot-create', name: 'old' }, ...inTables(2)],
        during: [
          write(0, cluster),
          ...inTables(2).slice(1),
          ...inTables(2).slice(1),
          write(tableBytes + 3 * cluster, cluster),
          write(2 * tableBytes, cluster),
          FLUSH,
        ],
      };
    },
  },
  {
    name: 'refcount-growth',
    summary: 'the file outgrows its refcount blocks; with 512-byte clusters also its refcount table',
    build: (cluster) => {
      const filled = cluster === 512 ? 8 * MiB - 384 * KiB : 0;
      const before = filled === 0 ? [] : [write(0, filled)];
      return {
        before,
        during: [write(filled, 64 * cluster), write(filled + 64 * cluster, 256 * cluster), FLUSH],
        sizeBytes: 16 * MiB,
      };
    },
  },
  {
    name: 'refcount-leap',
    summary: 'the disk grows; with 512-byte clusters its L1 table takes clusters of three refcount blocks at once',
    build: (cluster) => {
      const l1Clusters = cluster === 512 ? 600 : 2;
      return {
        before: [write(0, cluster)],
        during: [
          write(cluster, cluster),
          { op: 'resize', sizeBytes: ((l1Clusters * cluster) / 8) * (cluster / 8) * cluster },
          write(2 * cluster, cluster),
          FLUSH,
        ],
      };
    },
  },
  {
    name: 'savevm',
    summary: 'VM state past the end of the disk, and a snapshot that keeps it',
    build: (cluster) => ({
      before: [write(0, cluster)],
      during: [
        { op: 'vmstate-write', offset: 0, length: 2 * cluster },
        { op: 'snapshot-create', name: 'vm', vmStateBytes: 2 * cluster },
        FLUSH,
        write(0, cluster),
      ],
    }),
  },
  {
    name: 'create',
    summary: 'an image is created and written to',
    build: (cluster) => ({ before: [], during: [write(0, cluster), FLUSH], recordsCreation: true }),
  },
  {
    name: 'lazy-copy',
    summary: 'lazy refcounts: part of a compressed cluster is overwritten, the rest is copied',
    build: (cluster) => ({
      before: [{ op: 'write-compressed', offset: 0, length: cluster }],
      // The first write sets the dirty bit, with a sync that would cover the copy.
      during: [write(4 * cluster, cluster), write(0, SECTOR_BYTES), FLUSH],
      lazyRefcounts: true,
    }),
  },
  {
    name: 'lazy-close',
    summary: 'lazy refcounts: new clusters, and the image is closed',
    build: (cluster) => ({
      before: [write(0, cluster)],
      during: [
        write(2 * cluster, cluster),
        write((cluster / 8) * cluster, cluster),
        { op: 'reopen' },
        write(0, cluster),
      ],
      lazyRefcounts: true,
    }),
  },
];

const OPERATIONS_PREFIX = 'ops:';

/**
 * The workload called `name`: one of the list above, `ops:OPERATION,...` (or `ops:shared/OPERATION,...`), or the first `limit`
 * changes of a workload of the benchmark, which `requesters` send. Throws UsageError or WorkloadError.
 */
export async function crashWorkload(
  name: string,
  shape: WorkloadShape,
  seed: number,
  limit: number,
  requesters = 1,
): Promise<CrashWorkload> {
  if (name.startsWith(OPERATIONS_PREFIX)) return operationsWorkload(name.slice(OPERATIONS_PREFIX.length), shape);
  const ours = [...NAMED_WORKLOADS, ...LATER_WORKLOADS];
  const named = ours.find((workload) => workload.name === name);
  if (named !== undefined) return buildNamed(named, shape);
  const known = [...ours, ...WORKLOADS].map((workload) => workload.name);
  if (!known.includes(name) && !name.startsWith('trace:'))
    throw new UsageError(`--workload: ${unknownWord('workload', name, ['sequences', ...known])}`);
  return await benchWorkload(name, shape, { seed, limit, requesters });
}

/** Every workload of the list, in one shape. */
export function namedWorkloads(shape: WorkloadShape): CrashWorkload[] {
  return NAMED_WORKLOADS.map((named) => buildNamed(named, shape));
}

function operationsWorkload(text: string, { clusterSizeBytes, cacheTables }: WorkloadShape): CrashWorkload {
  const [, startName = 'plain', names = ''] = /^(?:(\w+)\/)?(.*)$/.exec(text)!;
  const image = sequenceImage(clusterSizeBytes);
  const start = startImages(image).find((candidate) => candidate.name === startName);
  if (start === undefined)
    throw new UsageError(`--workload: there is no start image "${startName}"; there are plain and shared`);
  const operations = names.split(',').map(operationNamed);
  const workload = sequenceWorkload({ cacheTables }, image, start, operations);
  if (workload === null)
    throw new UsageError(`--workload "${text}": an operation needs a snapshot where there is none`);
  return workload;
}

function operationNamed(name: string): Operation {
  const operation = OPERATIONS.find((candidate) => candidate.name === name);
  if (operation !== undefined) return operation;
  throw new UsageError(
    `--workload: there is no operation "${name}"; there are ${OPERATIONS.map((known) => known.name).join(', ')}`,
  );
}

/** Its stream is sent by `requesters` as `bench` has it, where that makes sense. */
async function benchWorkload(
  name: string,
  shape: WorkloadShape,
  { seed, limit, requesters }: { readonly seed: number; readonly limit: number; readonly requesters: number },
): Promise<CrashWorkload> {
  const { clusterSizeBytes, cacheTables } = shape;
  const workload = await findWorkload(name, {}, { seed, clusterSizeBytes });
  if (workload.backingImage) throw new UsageError(`--workload ${name}: images with a backing file are not explored`);
  const image = { clusterSizeBytes, sizeBytes: workload.diskSizeBytes, version: 3 as const };
  const before = await firstChanges(workload.prepare(), limit);
  const senders = workload.independent ? requesters : 1;
  return { name, image, cacheTables, before, during: await firstChanges(sentBy(senders, workload.requests()), limit) };
}

/** The first `limit` requests that are no reads. */
async function firstChanges(stream: RequestStream, limit: number): Promise<CrashRequest[]> {
  const requests: CrashRequest[] = [];
  for await (const batch of stream) {
    requests.push(...batch.flatMap(crashRequest));
    if (requests.length >= limit) break;
  }
  return requests.slice(0, limit);
}

/** Reads and marks leave no trace in the file. */
function crashRequest(request: GuestRequest): CrashRequest[] {
  if (request.op === 'read' || request.op === 'vmstate-read' || request.op === 'mark') return [];
  const { op, ...rest } = request;
  return [{ op, ...rest } as CrashRequest];
}

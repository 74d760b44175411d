/** All short sequences of operations, as crash workloads. */
import type { CrashImage, CrashRequest, CrashWorkload } from './crash-workload.ts';
import { OPERATIONS, type Operation, type StartImage, startImages } from './operation-table.ts';

export interface SequenceWorkload extends CrashWorkload {
  /** The first request of the last operation: what came before is explored by the shorter sequence. */
  readonly lastOperation: number;
}

export interface SequenceSpace {
  readonly clusterSizeBytes: number;
  readonly cacheTables: CrashWorkload['cacheTables'];
  /** Name of a start image. */
  readonly start: string;
  /** The operation that every sequence begins with; all are taken in turn when null. */
  readonly first: string | null;
  readonly maxLength: number;
  /** Up to this many neighbouring block requests are in flight at once. Default 1. */
  readonly requesters?: number;
}

/** The number of L2 tables of each disk, whatever its cluster size. */
const L2_TABLES = 3;

/** The disk that sequences run on; version 3. */
export function sequenceImage(clusterSizeBytes: number): CrashImage {
  return { clusterSizeBytes, sizeBytes: (L2_TABLES * clusterSizeBytes * clusterSizeBytes) / 8, version: 3 };
}

/** Every sequence of the space that makes sense, shorter ones before those that they begin. */
export function* sequences(space: SequenceSpace): Generator<SequenceWorkload> {
  const image = sequenceImage(space.clusterSizeBytes);
  const start = startImages(image).find(({ name }) => name === space.start)!;
  const firsts = OPERATIONS.filter(({ name }) => space.first === null || name === space.first);
  for (const first of firsts) yield* extended(space, image, start, [first]);
}

function* extended(
  space: SequenceSpace,
  image: CrashImage,
  start: StartImage,
  operations: readonly Operation[],
): Generator<SequenceWorkload> {
  const workload = sequenceWorkload(space, image, start, operations);
  if (workload === null) return;
  yield workload;
  if (operations.length === space.maxLength) return;
  for (const next of OPERATIONS) yield* extended(space, image, start, [...operations, next]);
}

/** Null when some operation makes no sense at its place. */
export function sequenceWorkload(
  { cacheTables, requesters = 1 }: Pick<SequenceSpace, 'cacheTables' | 'requesters'>,
  image: CrashImage,
  start: StartImage,
  operations: readonly Operation[],
): SequenceWorkload | null {
  let snapshots = start.snapshots;
  const during: CrashRequest[] = [];
  let lastOperation = start.before.length;
  for (const [place, operation] of operations.entries()) {
    const requests = operation.requests({ image, snapshots, place });
    if (requests === null) return null;
    lastOperation = start.before.length + during.length;
    during.push(...requests);
    snapshots = snapshotsAfter(snapshots, requests);
  }
  const name = `${start.name}: ${operations.map((operation) => operation.name).join(', ')}`;
  const { before } = start;
  return { name, image, cacheTables, before, during, lastOperation, ...(requesters > 1 && { requesters }) };
}

function snapshotsAfter(before: readonly string[], requests: readonly CrashRequest[]): readonly string[] {
  let names = before;
  for (const request of requests) {
    if (request.op === 'snapshot-create') names = [...names, request.name];
    if (request.op === 'snapshot-delete') names = names.filter((name) => name !== request.name);
  }
  return names;
}

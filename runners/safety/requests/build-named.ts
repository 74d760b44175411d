/** What named crash workloads are built from. */
import type { CrashRequest, CrashWorkload } from './crash-workload.ts';
import { sequenceImage } from './sequences.ts';

/** What a named workload may depend on. */
export interface WorkloadShape {
  readonly clusterSizeBytes: number;
  readonly cacheTables: CrashWorkload['cacheTables'];
}

export interface NamedWorkload {
  readonly name: string;
  readonly summary: string;
  /** Of a disk of three L2 tables; null for the sequences' own start image. */
  build(cluster: number): {
    before: CrashRequest[];
    during: CrashRequest[];
    sizeBytes?: number;
    lazyRefcounts?: boolean;
    recordsCreation?: boolean;
    requesters?: number;
    freeClusters?: number;
  };
}

export const FLUSH: CrashRequest = { op: 'flush' };
export const write = (offset: number, length: number): CrashRequest => ({ op: 'write', offset, length });

export function buildNamed(
  { name, build }: NamedWorkload,
  { clusterSizeBytes, cacheTables }: WorkloadShape,
): CrashWorkload {
  const { before, during, sizeBytes, lazyRefcounts, recordsCreation, requesters, freeClusters } =
    build(clusterSizeBytes);
  const image = sequenceImage(clusterSizeBytes);
  return {
    name,
    image: { ...image, sizeBytes: sizeBytes ?? image.sizeBytes, lazyRefcounts: lazyRefcounts ?? false },
    cacheTables,
    recordsCreation: recordsCreation ?? false,
    before,
    during,
    ...(requesters !== undefined && { requesters }),
    ...(freeClusters !== undefined && { freeClusters }),
  };
}

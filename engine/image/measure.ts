/** How large the file of a new image will be, before it is made. */
import { type CreateOptions, planHeader, planRefcounts } from './create.ts';
import { geometryOf } from './metadata.ts';

/** The sizes of a new image's file, bytes. */
export interface ImageMeasure {
  readonly clusterSizeBytes: number;
  /** Of a disk with every cluster stored: whole clusters. */
  readonly dataBytes: number;
  /** Header, tables and refcounts of such a disk. */
  readonly metadataBytes: number;
}

/** @throws Qcow2Error INVALID_ARGUMENT for options that no image can have. */
export function measureImage(options: CreateOptions): ImageMeasure {
  const geometry = geometryOf(planHeader(options));
  const dataClusters = geometry.clustersFor(options.sizeBytes);
  const l2Tables = geometry.l1EntriesFor(options.sizeBytes);
  const tables = l2Tables + geometry.clustersFor(l2Tables * 8);
  const { tableClusters, blockCount } = planRefcounts(geometry, tables + dataClusters);
  const { clusterBytes } = geometry;
  return {
    clusterSizeBytes: clusterBytes,
    dataBytes: dataClusters * clusterBytes,
    metadataBytes: (1 + tables + tableClusters + blockCount) * clusterBytes,
  };
}

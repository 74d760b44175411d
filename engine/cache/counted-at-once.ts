/** Taking free clusters as history does: each is counted in the moment in which it is taken. */
import type { Allocation, AllocatorParts, PartialAllocation } from './allocator.ts';

/** `isUnnamed`: what is free is named by nothing durable, because the allocator saw to it. */
export function takeFree(parts: AllocatorParts, clusters: number, isUnnamed: boolean): Allocation {
  // Before the search: what lies past the end was never written, and reads as zeros.
  const endOfFile = parts.file.sizeBytes();
  return take(parts, parts.counts.findFree(clusters), clusters, { endOfFile, isUnnamed });
}

/** As many of `clusters` as are free from host offset `offset` on; null for none. */
export function takeAt(
  parts: AllocatorParts,
  offset: number,
  clusters: number,
  isUnnamed: boolean,
): PartialAllocation | null {
  const free = parts.counts.freeAt(offset, clusters);
  if (free === 0) return null;
  return { ...take(parts, offset, free, { endOfFile: parts.file.sizeBytes(), isUnnamed }), clusters: free };
}

function take(
  { counts, clusterBytes }: AllocatorParts,
  offset: number,
  clusters: number,
  { endOfFile, isUnnamed }: { readonly endOfFile: number; readonly isUnnamed: boolean },
): Allocation {
  const wait = counts.raise(offset, clusters * clusterBytes);
  return { offset, wait, readsAsZeros: offset >= endOfFile, isUnnamed };
}

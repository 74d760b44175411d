/** The result of a check: counts, the first findings, and how the image is laid out. */
import type { Finding } from './findings.ts';

/** What a check found. Offsets and sizes are bytes of the image file. */
export interface CheckReport {
  readonly fileName: string;
  /** Clusters whose refcount is higher than their references: wasted space, nothing else. */
  readonly leaks: number;
  /** Everything that loses data or may lose it with the next write. COPIED flags are counted apart. */
  readonly corruptions: number;
  /** Entries whose COPIED flag and stored refcount disagree, and are otherwise right. */
  readonly copiedErrors: number;
  /** Those of `copiedErrors` where the flag permits writing in place to a cluster that several references share. */
  readonly copiedShared: number;
  /** Parts that could not be checked. */
  readonly checkErrors: number;
  /** The first findings, in the order of the walk. */
  readonly findings: readonly Finding[];
  readonly isDirty: boolean;
  readonly isCorrupt: boolean;
  /** End of the last cluster with a refcount or a reference. */
  readonly imageEndOffset: number;
  /** Clusters of the virtual disk. */
  readonly totalClusters: number;
  readonly allocatedClusters: number;
  readonly fragmentedClusters: number;
  readonly compressedClusters: number;
}

/** True when there is nothing to report, not even a leak. */
export function isClean(report: CheckReport): boolean {
  return !hasErrors(report) && report.leaks === 0;
}

/** True when something is wrong that is more than wasted space; COPIED errors count. */
export function hasErrors(report: CheckReport): boolean {
  return report.corruptions > 0 || report.copiedErrors > 0 || report.checkErrors > 0;
}

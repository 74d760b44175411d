/** The installed qemu as a point of a comparison: what can be chosen, and its cell of the record. */
import { type HostCacheMode, MiB } from '../../engine/index.ts';
import type { Cell } from '../../results/record.ts';
import { unmeasured } from '../../results/unmeasured-cell.ts';
import type { Workload } from '../../workloads/workload.ts';
import { type QemuFolder, type QemuVersions, toolVersion } from './tools.ts';

export interface QemuCellChoice {
  /** What tables and charts call it. */
  readonly name: string;
  readonly folder: QemuFolder;
  readonly hostCacheMode: HostCacheMode;
  readonly version: 2 | 3;
  readonly clusterSizeBytes: number;
  /** Null: qemu's own choice. */
  readonly l2CacheTables: number | null;
  readonly refcountCacheTables: number | null;
}

/** The name under which tables and charts show a build, for example `qemu 7.2.22`. Throws UsageError without one. */
export function qemuName(folder: QemuFolder): string {
  return `qemu ${toolVersion('qemu-io', folder)}`;
}

/** Options of the qcow2 driver for what was chosen. */
export function driverOptions({ l2CacheTables, refcountCacheTables, clusterSizeBytes }: QemuCellChoice) {
  return {
    ...(l2CacheTables !== null && { 'l2-cache-size': l2CacheTables * clusterSizeBytes }),
    ...(refcountCacheTables !== null && { 'refcount-cache-size': refcountCacheTables * clusterSizeBytes }),
  };
}

/** The cell before its first sample. */
export function emptyQemuCell(
  choice: QemuCellChoice & { readonly id: string },
  diskSizeBytes: number,
  fileSystemType: string,
  versions: QemuVersions,
): Cell {
  const { version, clusterSizeBytes } = choice;
  return {
    id: choice.id,
    engine: 'qemu',
    policy: { name: choice.name, stage: null, parameters: { ...versions, ...inFolder(choice.folder) } },
    hostCacheMode: choice.hostCacheMode,
    image: {
      ...{ version, clusterSizeBytes, refcountBits: 16 },
      l2CacheTables: choice.l2CacheTables ?? defaultL2Tables(diskSizeBytes, clusterSizeBytes),
      refcountCacheTables: choice.refcountCacheTables ?? DEFAULT_REFCOUNT_TABLES,
      options: {},
    },
    device: { kind: 'real', name: fileSystemType },
    ...unmeasured(),
  };
}

function inFolder(folder: QemuFolder) {
  return folder === null ? {} : { folder };
}

/** What readers of a run with this workload must know about its qemu cells. */
export function qemuWarnings(workload: Pick<Workload, 'vmStateSizeBytes'>): string[] {
  if (workload.vmStateSizeBytes === 0) return [];
  return [
    'qemu: qemu-img keeps saved VM state in the active table, so each later save copies its clusters, ' +
      'which savevm in a virtual machine does not',
  ];
}

const DEFAULT_REFCOUNT_TABLES = 4;
const LARGEST_DEFAULT_L2_CACHE_BYTES = 32 * MiB;
const SMALLEST_L2_CACHE_TABLES = 2;
const L2_ENTRY_BYTES = 8;

/** As qemu documents it: all L2 tables of the disk, as far as they fit into 32 MiB. */
export function defaultL2Tables(diskSizeBytes: number, clusterSizeBytes: number): number {
  const bytesMappedByTable = (clusterSizeBytes / L2_ENTRY_BYTES) * clusterSizeBytes;
  const wanted = Math.ceil(diskSizeBytes / bytesMappedByTable);
  return Math.max(SMALLEST_L2_CACHE_TABLES, Math.min(wanted, LARGEST_DEFAULT_L2_CACHE_BYTES / clusterSizeBytes));
}

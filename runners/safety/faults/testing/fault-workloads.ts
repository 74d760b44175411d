/** Workloads of the fault sweep: one idea each, small, so that every operation of each can be made to fail. */
import { type GuestDisk, MiB, SECTOR_BYTES } from '../../../../engine/index.ts';
import type { CrashRequest, CrashWorkload } from '../../requests/crash-workload.ts';
import { fillSector } from '../../requests/guest-values.ts';

export interface FaultWorkload extends CrashWorkload {
  /** Sectors that a backing disk has under the image; their values are {@link backingValue}. */
  readonly backingSectors: number;
  readonly refcountBits: 16 | 64;
}

/** The value of guest sector `sector` in the backing disk; no request writes such a value. */
export function backingValue(sector: number): number {
  return 1_000_000 + sector;
}

/** A disk whose every sector says its number. */
export function backingDisk(sectors: number): GuestDisk {
  return {
    sizeBytes: sectors * SECTOR_BYTES,
    read(offset, into) {
      for (let at = 0; at < into.length; at += SECTOR_BYTES)
        fillSector(into.subarray(at, at + SECTOR_BYTES), backingValue((offset + at) / SECTOR_BYTES));
    },
  };
}

const FLUSH: CrashRequest = { op: 'flush' };
const REOPEN: CrashRequest = { op: 'reopen' };
const write = (offset: number, length: number): CrashRequest => ({ op: 'write', offset, length });
const snapshot = (op: 'create' | 'apply' | 'delete', name: string): CrashRequest => ({ op: `snapshot-${op}`, name });

interface Plan {
  readonly before?: CrashRequest[];
  readonly during: CrashRequest[];
  readonly sizeBytes?: number;
  readonly version?: 2 | 3;
  readonly lazyRefcounts?: boolean;
  readonly backing?: boolean;
  readonly refcountBits?: 16 | 64;
  /** Of the caches, in tables; absent for those of the stage. */
  readonly tables?: number;
}

/** By name, for clusters of `c` bytes; one L2 table maps `t` bytes. */
function plans(c: number, t: number): Record<string, Plan> {
  const part = SECTOR_BYTES;
  return {
    allocate: { during: [write(0, 2 * c), write(t, c), FLUSH, write(t + 3 * c, part), write(0, part), FLUSH] },
    evict: { during: [write(0, c), write(t, c), write(2 * t, c), write(0, c), FLUSH], tables: 2 },
    'after-snapshot': {
      before: [write(0, 3 * c), write(t, c), snapshot('create', 'old')],
      during: [write(0, c), write(c, part), FLUSH, write(t, part), write(5 * c, c), FLUSH],
    },
    backing: { during: [write(part, part), write(2 * c - part, 2 * part), FLUSH], backing: true },
    'refcount-growth': {
      // 512-byte clusters with refcounts of 64 bits: the start image fills nearly all that its refcount table can count.
      before: [write(0, c === 512 ? 4000 * c : 20 * c)],
      during: [write(2 * MiB, c === 512 ? 130 * c : 4 * c), FLUSH],
      sizeBytes: 3 * MiB,
      refcountBits: 64,
    },
    'l1-growth': {
      during: [
        { op: 'vmstate-write', offset: 0, length: c },
        { op: 'resize', sizeBytes: 80 * t },
        write(79 * t, c),
        FLUSH,
      ],
    },
    ...snapshotPlans(c, t),
    discard: {
      before: [write(0, 6 * c)],
      during: [{ op: 'discard', offset: c, length: 2 * c }, FLUSH, write(c, c), FLUSH],
    },
    'write-zeroes': {
      before: [write(0, 6 * c)],
      during: [
        { op: 'write-zeroes', offset: 0, length: 2 * c, mayUnmap: true },
        { op: 'write-zeroes', offset: 2 * c, length: 2 * c + part, mayUnmap: false },
        FLUSH,
        write(0, 3 * c),
        FLUSH,
      ],
    },
    'write-zeroes-version-2': {
      before: [write(0, 2 * c)],
      during: [{ op: 'write-zeroes', offset: 0, length: c, mayUnmap: true }, write(3 * c, part), FLUSH],
      version: 2,
    },
    compressed: {
      before: [write(0, c)],
      during: [
        { op: 'write-compressed', offset: c, length: c },
        { op: 'write-compressed', offset: 0, length: c },
        { op: 'write-compressed', offset: 2 * c, length: c },
        FLUSH,
        write(c, part),
        FLUSH,
      ],
    },
    resize: {
      before: [write(0, 4 * c)],
      during: [{ op: 'resize', sizeBytes: 70 * t }, write(69 * t, c), FLUSH, write(c, c), REOPEN, write(2 * t, c)],
    },
    close: { during: [write(0, c), REOPEN, write(t, c), write(c, part), REOPEN, write(0, c)] },
    'lazy-refcounts': { during: [write(0, c), write(t, c), REOPEN, write(c, c), FLUSH], lazyRefcounts: true },
  };
}

function snapshotPlans(c: number, t: number): Record<string, Plan> {
  const part = SECTOR_BYTES;
  return {
    'snapshot-create': {
      before: [write(0, 2 * c)],
      during: [write(c, 2 * c), snapshot('create', 'new'), write(c, c), FLUSH, snapshot('create', 'third'), FLUSH],
    },
    'snapshot-apply': {
      before: [write(0, 2 * c), snapshot('create', 'old'), write(0, c), write(t, c)],
      during: [snapshot('apply', 'old'), write(c, c), FLUSH],
    },
    'snapshot-delete': {
      before: [write(0, 2 * c), snapshot('create', 'old'), write(0, c), snapshot('create', 'late')],
      during: [snapshot('delete', 'old'), write(5 * c, c), FLUSH, snapshot('delete', 'late'), write(0, c), FLUSH],
    },
    'snapshot-close': {
      before: [write(0, 2 * c)],
      during: [
        snapshot('create', 'old'),
        REOPEN,
        write(c, c),
        snapshot('create', 'late'),
        write(0, part),
        REOPEN,
        snapshot('apply', 'old'),
        REOPEN,
        snapshot('delete', 'old'),
        REOPEN,
      ],
    },
  };
}

export const FAULT_WORKLOAD_NAMES: readonly string[] = Object.keys(plans(512, 512 * 64));

export function faultWorkload(name: string, clusterSizeBytes: number): FaultWorkload {
  const bytesPerL2Table = (clusterSizeBytes / 8) * clusterSizeBytes;
  const plan = plans(clusterSizeBytes, bytesPerL2Table)[name]!;
  const { sizeBytes = 3 * bytesPerL2Table, version = 3, lazyRefcounts = false, tables } = plan;
  return {
    name: `${name}, clusters of ${clusterSizeBytes}`,
    image: { clusterSizeBytes, sizeBytes, version, lazyRefcounts },
    cacheTables: tables === undefined ? null : { l2: tables, refcounts: tables },
    before: plan.before ?? [],
    during: plan.during,
    refcountBits: plan.refcountBits ?? 16,
    backingSectors: plan.backing === true ? sizeBytes / SECTOR_BYTES : 0,
  };
}

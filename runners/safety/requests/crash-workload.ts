/** What a crash workload is: an image, what happened to it before, and the requests during which the power fails. */

import { type DiskRequest, type ReopenRequest, SECTOR_BYTES } from '../../../engine/index.ts';

/** What changes a disk; offsets and lengths are multiples of 512 bytes. A snapshot says how much VM state was written for it. */
export type CrashRequest = Exclude<DiskRequest, { op: 'read' | 'vmstate-read' }> | ReopenRequest;

export interface CrashImage {
  readonly clusterSizeBytes: number;
  readonly sizeBytes: number;
  readonly version: 2 | 3;
  /** Refcounts may be stale while the dirty bit is set. */
  readonly lazyRefcounts?: boolean;
}

export interface CrashWorkload {
  readonly name: string;
  readonly image: CrashImage;
  /** Table caches; null for those of the stage. */
  readonly cacheTables: { readonly l2: number; readonly refcounts: number } | null;
  /** The recording starts with the making of the image itself; there is no `before` then. */
  readonly recordsCreation?: boolean;
  /** Done, closed and durable before the recording starts. */
  readonly before: readonly CrashRequest[];
  readonly during: readonly CrashRequest[];
  /** The file system has space for this many more clusters of the file. Absent: for any number. */
  readonly freeClusters?: number;
  /** Up to this many neighbouring block requests of `during` are in flight at once, queued by a requester each. Default 1. */
  readonly requesters?: number;
}

/** One request as a person would say it. */
export function requestWords(request: CrashRequest): string {
  switch (request.op) {
    case 'write':
    case 'write-compressed':
    case 'write-zeroes':
    case 'discard':
    case 'vmstate-write':
      return `${request.op} ${request.length} bytes at ${request.offset}`;
    case 'snapshot-create':
    case 'snapshot-apply':
    case 'snapshot-delete':
      return `${request.op} ${request.name}`;
    case 'resize':
      return `resize to ${request.sizeBytes} bytes`;
    case 'flush':
    case 'reopen':
      return request.op;
  }
}

/** First guest sector of the VM state: past the last L1 entry that the disk needs. */
function vmStateSector(clusterSizeBytes: number, diskBytes: number): number {
  const bytesPerL2Table = (clusterSizeBytes / 8) * clusterSizeBytes;
  return (Math.ceil(diskBytes / bytesPerL2Table) * bytesPerL2Table) / SECTOR_BYTES;
}

/** Which guest sector each value was written to, and by which request. Requests count on from `before` to `during`. */
export class ValueTable {
  readonly requests: readonly CrashRequest[];
  readonly #first: number[] = [];
  /** By request: where the VM state starts when it is made. */
  readonly #vmStateSectors: number[] = [];

  constructor(workload: CrashWorkload) {
    this.requests = [...workload.before, ...workload.during];
    let { sizeBytes } = workload.image;
    const sizesOfSnapshots = new Map<string, number>();
    let next = 1;
    for (const request of this.requests) {
      this.#vmStateSectors.push(vmStateSector(workload.image.clusterSizeBytes, sizeBytes));
      if (request.op === 'resize') sizeBytes = request.sizeBytes;
      if (request.op === 'snapshot-create') sizesOfSnapshots.set(request.name, sizeBytes);
      if (request.op === 'snapshot-apply') sizeBytes = sizesOfSnapshots.get(request.name) ?? sizeBytes;
      this.#first.push(next);
      next += valueCount(request);
    }
    this.#first.push(next);
  }

  /** The value of the first sector that request `index` writes. */
  firstOf(index: number): number {
    return this.#first[index]!;
  }

  /** How many sectors request `index` gives values to. */
  countOf(index: number): number {
    return this.#first[index + 1]! - this.#first[index]!;
  }

  /** The guest sector that request `index` starts at; VM state follows the disk. */
  sectorOf(index: number): number {
    const request = this.requests[index]!;
    if (!('offset' in request)) return 0;
    const sector = request.offset / SECTOR_BYTES;
    return request.op === 'vmstate-write' ? this.#vmStateSectors[index]! + sector : sector;
  }

  /** The request that wrote `value`; -1 for 0 and for numbers never given. */
  requestOf(value: number): number {
    if (value < 1 || value >= this.#first.at(-1)!) return -1;
    return this.#first.findLastIndex((first) => first <= value);
  }

  /** The guest sector that `value` was written to; -1 as above. */
  homeOf(value: number): number {
    const index = this.requestOf(value);
    return index < 0 ? -1 : this.sectorOf(index) + value - this.#first[index]!;
  }
}

function valueCount(request: CrashRequest): number {
  const writes = request.op === 'write' || request.op === 'write-compressed' || request.op === 'vmstate-write';
  return writes ? request.length / SECTOR_BYTES : 0;
}

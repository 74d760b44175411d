/**
 * What the guest may find after a crash: for each sector of the disk and of each snapshot the values that are allowed, the
 * snapshots that must or may exist, and the sizes that the disk may have. Drawn from the requests alone, never from the image.
 *
 * A sector may hold what was durable last, or anything written to it since. What is durable is decided by the contract:
 * with `flush`, all that was acknowledged before a guest flush began, once that is acknowledged, and each request that asked to be
 * durable itself; with `ack`, every acknowledged request. Several requests may be in flight, as long as they are about different sectors.
 */
import { SECTOR_BYTES } from '../../../engine/index.ts';
import type { CrashRequest, ValueTable } from './crash-workload.ts';

export type DurableAt = 'flush' | 'ack';

/** Values of one sector. `current` has two members only after a discard or a failed write, whose outcome is open. */
export interface AllowedValues {
  older: readonly number[];
  current: readonly number[];
  /** The request that gave it the current ones; absent where that no longer matters. */
  readonly by?: number;
}

export type SectorValues = Map<number, AllowedValues>;

export interface OracleSnapshot {
  /** `may`: it is being made or removed, and may be there or not. */
  presence: 'must' | 'may';
  fate: 'stays' | 'goes' | 'open';
  readonly sectors: SectorValues;
  /** Size of the disk when it was taken; going back to it brings that back. */
  readonly sizeBytes: number;
}

const ZERO: readonly number[] = [0];
const NONE: readonly number[] = [];

export class GuestOracle {
  readonly disk: SectorValues = new Map();
  readonly snapshots = new Map<string, OracleSnapshot>();
  /** Virtual sizes that the image may say; the last is the present one, unless a request that changes it failed. */
  sizes: readonly number[];
  /** Counts changes, to see whether anything promised has changed. */
  version = 0;
  readonly #values: ValueTable;
  readonly #durableAt: DurableAt;
  /** By request: when it began, and when it was acknowledged, in moments that count up. */
  readonly #startedAt = new Map<number, number>();
  readonly #acknowledgedAt = new Map<number, number>();
  #moment = 0;
  /** A request that changes the size failed: which of {@link sizes} the disk has stays open. */
  #sizeIsOpen = false;

  constructor(values: ValueTable, sizeBytes: number, durableAt: DurableAt) {
    this.#values = values;
    this.sizes = [sizeBytes];
    this.#durableAt = durableAt;
  }

  /** Request `index` begins: from here on its effects may show. */
  start(index: number): void {
    this.version++;
    this.#startedAt.set(index, this.#moment++);
    const request = this.#values.requests[index]!;
    switch (request.op) {
      case 'write':
      case 'write-compressed':
      case 'vmstate-write':
        return this.#writeValues(index);
      case 'write-zeroes':
        return this.#forSectors(index, request.length, (sector) => this.#replace(sector, ZERO, index));
      case 'discard':
        return this.#forSectors(index, request.length, (sector) => this.#widen(sector, ZERO, index));
      case 'snapshot-create':
        return this.#startCreate(request.name);
      case 'snapshot-delete':
        return this.#startDelete(request.name);
      case 'snapshot-apply':
        return this.#startApply(request.name, index);
      case 'resize':
        return this.#startResize(request.sizeBytes, index);
      case 'flush':
      case 'reopen':
        return;
    }
  }

  /** Request `index` was acknowledged. */
  acknowledge(index: number): void {
    const request = this.#values.requests[index]!;
    const { op } = request;
    this.#acknowledgedAt.set(index, this.#moment++);
    if (op === 'resize' || op === 'snapshot-apply') this.#sizeIsOpen = false;
    if (this.#durableAt === 'ack') this.settle((by) => this.#acknowledgedAt.has(by));
    else if (op === 'flush') this.settle((by) => this.#acknowledgedBefore(by, index));
    else if ('durable' in request && request.durable === true) this.#settleRequest(index);
  }

  #acknowledgedBefore(request: number, flush: number): boolean {
    const at = this.#acknowledgedAt.get(request);
    return at !== undefined && at < this.#startedAt.get(flush)!;
  }

  /** What the request wrote is durable, where nothing else has been written since. */
  #settleRequest(index: number): void {
    this.version++;
    for (const cell of this.disk.values()) if (cell.by === index) cell.older = NONE;
  }

  /** Request `index` failed: its effects may show or not, now and later. */
  fail(index: number): void {
    this.version++;
    const request = this.#values.requests[index]!;
    if ('length' in request) {
      this.#forSectors(index, request.length, (sector) => {
        const cell = this.disk.get(sector);
        if (cell !== undefined) this.disk.set(sector, { older: NONE, current: union(cell.older, cell.current) });
      });
    }
    if (request.op === 'resize' || request.op === 'snapshot-apply') this.#sizeIsOpen = true;
    if ('name' in request) this.#failSnapshot(request);
  }

  /** Everything that the requests wrote which `covers` holds for is durable. */
  settle(covers: (request: number) => boolean = () => true): void {
    this.version++;
    settleSectors(this.disk, covers);
    if (!this.#sizeIsOpen) this.sizes = this.sizes.slice(-1);
    for (const [name, snapshot] of this.snapshots) {
      if (snapshot.fate === 'goes') this.snapshots.delete(name);
      if (snapshot.fate === 'stays') snapshot.presence = 'must';
      settleSectors(snapshot.sectors, covers);
    }
  }

  #writeValues(index: number): void {
    const first = this.#values.firstOf(index);
    const sector = this.#values.sectorOf(index);
    for (let offset = 0; offset < this.#values.countOf(index); offset++)
      this.#replace(sector + offset, [first + offset], index);
  }

  #forSectors(index: number, lengthBytes: number, visit: (sector: number) => void): void {
    const first = this.#values.sectorOf(index);
    for (let offset = 0; offset < lengthBytes / SECTOR_BYTES; offset++) visit(first + offset);
  }

  #replace(sector: number, current: readonly number[], by: number): void {
    const cell = this.disk.get(sector);
    const older = cell === undefined ? ZERO : union(cell.older, cell.current);
    this.disk.set(sector, { older, current, by });
  }

  /** The sector may from now on also hold `values`, for as long as nothing else is written to it. */
  #widen(sector: number, values: readonly number[], by: number): void {
    const cell = this.disk.get(sector);
    if (cell !== undefined) this.disk.set(sector, { older: cell.older, current: union(cell.current, values), by });
  }

  /** What lies past the old end is VM state, and what lies past the new one is cut off: both read as zeros afterwards. */
  #startResize(sizeBytes: number, index: number): void {
    // The size that the disk has is no change, and VM state stays.
    if (!this.#sizeIsOpen && sizeBytes === this.sizes.at(-1)) return;
    const keptSectors = Math.min(this.sizes.at(-1)!, sizeBytes) / SECTOR_BYTES;
    for (const sector of this.disk.keys()) if (sector >= keptSectors) this.#replace(sector, ZERO, index);
    this.sizes = [...this.sizes, sizeBytes];
  }

  #startCreate(name: string): void {
    const sizeBytes = this.sizes.at(-1)!;
    this.snapshots.set(name, { presence: 'may', fate: 'stays', sectors: copyOf(this.disk), sizeBytes });
  }

  #startDelete(name: string): void {
    const snapshot = this.snapshots.get(name);
    if (snapshot === undefined) return;
    snapshot.presence = 'may';
    snapshot.fate = 'goes';
  }

  #startApply(name: string, index: number): void {
    const snapshot = this.snapshots.get(name);
    if (snapshot === undefined) return;
    if (snapshot.sizeBytes !== this.sizes.at(-1)) this.sizes = [...this.sizes, snapshot.sizeBytes];
    for (const sector of new Set([...this.disk.keys(), ...snapshot.sectors.keys()])) {
      const then = snapshot.sectors.get(sector);
      this.#replace(sector, then?.current ?? ZERO, index);
      const now = this.disk.get(sector)!;
      if (then !== undefined) now.older = union(now.older, then.older);
    }
  }

  #failSnapshot(request: CrashRequest & { name: string }): void {
    const snapshot = this.snapshots.get(request.name);
    if (snapshot !== undefined && request.op !== 'snapshot-apply') snapshot.fate = 'open';
    if (request.op !== 'snapshot-apply') return;
    for (const [sector, cell] of this.disk) {
      this.disk.set(sector, { older: NONE, current: union(cell.older, cell.current) });
    }
  }
}

function union(first: readonly number[], second: readonly number[]): readonly number[] {
  if (first.length === 0) return second;
  const missing = second.filter((value) => !first.includes(value));
  return missing.length === 0 ? first : [...first, ...missing];
}

function settleSectors(sectors: SectorValues, covers: (request: number) => boolean): void {
  for (const cell of sectors.values()) if (cell.by === undefined || covers(cell.by)) cell.older = NONE;
}

function copyOf(sectors: SectorValues): SectorValues {
  return new Map([...sectors].map(([sector, cell]) => [sector, { ...cell }]));
}

/** Whether a sector may hold `value`; one that was never written holds zeros. */
export function allows(cell: AllowedValues | undefined, value: number): boolean {
  if (cell === undefined) return value === 0;
  return cell.current.includes(value) || cell.older.includes(value);
}

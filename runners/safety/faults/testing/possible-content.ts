/**
 * What each sector of the disk may hold: one value once a request for it was acknowledged, the old and the new one after a
 * request failed. No power fails here, so what was acknowledged is there without a flush once the image could be closed. Where
 * it could not, because the file kept failing, a sector may hold whatever it held since the last flush.
 */
import { SECTOR_BYTES } from '../../../../engine/index.ts';
import type { CrashRequest, ValueTable } from '../../requests/crash-workload.ts';
import { backingValue, type FaultWorkload } from './fault-workloads.ts';

const SECTORS_MAX = 1000;

type Content = Map<number, ReadonlySet<number>>;

interface KnownSnapshot {
  /** False when it may be there or not: its making or deleting failed. */
  readonly isCertain: boolean;
  readonly content: Content;
  /** Everything that was possible since the flush before it was taken. */
  readonly sinceFlush: Content;
}

export class PossibleContent {
  readonly #values: ValueTable;
  readonly #workload: FaultWorkload;
  #disk: Content = new Map();
  #diskSectors: number;
  /** Everything that was possible since the last flush. */
  #sinceFlush: Content = new Map();
  readonly #snapshots = new Map<string, KnownSnapshot>();

  constructor(workload: FaultWorkload, values: ValueTable) {
    this.#values = values;
    this.#workload = workload;
    this.#diskSectors = workload.image.sizeBytes / SECTOR_BYTES;
  }

  /** Sectors to look at: those ever written, of very many a part; and some never written. */
  sectors(): number[] {
    const samples = Array.from({ length: Math.min(this.#workload.backingSectors, 32) }, (_, sector) => sector);
    const all = [...this.#disk.keys()];
    const written = all.length <= SECTORS_MAX ? all : all.filter((sector) => sector % 61 === 0);
    return [...new Set([...written, ...samples])];
  }

  /** The values that guest sector `sector` may hold; of all since the last flush when the image was never `closed`. */
  at(sector: number, closed: boolean): ReadonlySet<number> {
    return this.#in(closed ? this.#disk : this.#sinceFlush, sector);
  }

  /** What is wrong with this list of snapshots; null for nothing. */
  judgeNames(names: readonly string[]): string | null {
    const unknown = names.find((name) => !this.#snapshots.has(name));
    if (unknown !== undefined) return `snapshot ${unknown}, which nobody made, is there`;
    for (const [name, { isCertain }] of this.#snapshots)
      if (isCertain && !names.includes(name)) return `snapshot ${name} is gone`;
    return null;
  }

  forgetSnapshots(): void {
    this.#snapshots.clear();
  }

  /** The same as {@link at}, in a snapshot. */
  inSnapshot(name: string, sector: number, closed: boolean): ReadonlySet<number> {
    const { content, sinceFlush } = this.#snapshots.get(name)!;
    return this.#in(closed ? content : sinceFlush, sector);
  }

  acknowledged(index: number): void {
    const request = this.#values.requests[index]!;
    this.#disk = this.#after(index);
    if (request.op === 'resize') this.#diskSectors = request.sizeBytes / SECTOR_BYTES;
    const settles = request.op === 'flush' || request.op === 'reopen';
    this.#sinceFlush = this.#united(this.#sinceFlush, this.#disk);
    if (request.op === 'snapshot-create') this.#know(request.name, true);
    if (request.op === 'snapshot-delete') this.#snapshots.delete(request.name);
    if (settles) this.settle();
  }

  /** Request `index` may have done its work in part. */
  failed(index: number): void {
    const united = this.#united(this.#disk, this.#after(index));
    const request = this.#values.requests[index]!;
    if (request.op === 'snapshot-create') this.#know(request.name, false);
    const deleted = request.op === 'snapshot-delete' ? this.#snapshots.get(request.name) : undefined;
    if (deleted !== undefined && request.op === 'snapshot-delete')
      this.#snapshots.set(request.name, { ...deleted, isCertain: false });
    this.#disk = united;
    this.#sinceFlush = this.#united(this.#sinceFlush, united);
  }

  /** The disk was closed. */
  settle(): void {
    this.#sinceFlush = new Map(this.#disk);
    for (const [name, { content, isCertain }] of this.#snapshots)
      this.#snapshots.set(name, { content, sinceFlush: content, isCertain });
  }

  #know(name: string, isCertain: boolean): void {
    this.#snapshots.set(name, { isCertain, content: new Map(this.#disk), sinceFlush: new Map(this.#sinceFlush) });
  }

  #united(one: Content, other: Content): Content {
    const united: Content = new Map();
    for (const sector of new Set([...one.keys(), ...other.keys()]))
      united.set(sector, new Set([...this.#in(one, sector), ...this.#in(other, sector)]));
    return united;
  }

  #in(content: Content, sector: number): ReadonlySet<number> {
    return content.get(sector) ?? new Set([sector < this.#workload.backingSectors ? backingValue(sector) : 0]);
  }

  #after(index: number): Content {
    const request: CrashRequest = this.#values.requests[index]!;
    if (request.op === 'snapshot-apply') return this.#applied(request.name);
    const after: Content = new Map(this.#disk);
    // VM state lies past the end of the disk, and is dropped when the disk grows over it.
    if (request.op === 'resize')
      for (const sector of this.#disk.keys()) if (sector >= this.#diskSectors) after.set(sector, new Set([0]));
    if (!('offset' in request)) return after;
    const first = this.#values.sectorOf(index);
    const isZero = request.op === 'discard' || request.op === 'write-zeroes';
    for (let at = 0; at < request.length / SECTOR_BYTES; at++)
      after.set(first + at, new Set([isZero ? 0 : this.#values.firstOf(index) + at]));
    return after;
  }

  #applied(name: string): Content {
    const then: Content = this.#snapshots.get(name)?.content ?? new Map();
    const after: Content = new Map();
    for (const sector of new Set([...this.#disk.keys(), ...then.keys()])) after.set(sector, this.#in(then, sector));
    return after;
  }
}

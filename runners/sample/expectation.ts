/**
 * Makes the data of each guest write and keeps the model of what the disk must hold after it. The model runs ahead of the
 * engine by one slice at most, which is why it is only compared after the run.
 */
import { ExpectedDisk } from '../../workloads/expected-disk.ts';
import { fillGuestData } from '../../workloads/guest-data.ts';
import type { GuestRequest } from '../../workloads/request.ts';

export class Expectation {
  readonly disk: ExpectedDisk;
  readonly #seed: number;
  readonly #clusterSizeBytes: number | null;

  /**
   * `clusterSizeBytes`: what a discard drops whole; null for a disk that promises nothing about discards. `initialSerial` names the
   * write that filled the backing image; without one the disk begins as zeros.
   */
  constructor(diskSizeBytes: number, seed: number, clusterSizeBytes: number | null, initialSerial?: number) {
    this.disk = new ExpectedDisk(diskSizeBytes, seed, initialSerial);
    this.#seed = seed;
    this.#clusterSizeBytes = clusterSizeBytes;
  }

  /** Fills `into` with the data of request number `serial` (from 1), if it writes, and changes the model as it will. */
  apply(request: GuestRequest, serial: number, into: Uint8Array): void {
    switch (request.op) {
      case 'write':
        fillGuestData(into, serial, request.offset, this.#seed);
        return this.disk.write(request.offset, request.length, serial);
      case 'vmstate-write':
        return fillGuestData(into, serial, request.offset, this.#seed);
      case 'write-zeroes':
        return this.disk.zero(request.offset, request.length);
      case 'discard':
        return this.#discard(request.offset, request.length);
      case 'snapshot-create':
        return this.disk.save(request.name);
      case 'snapshot-apply':
        return this.disk.restore(request.name);
      case 'snapshot-delete':
        return this.disk.remove(request.name);
      default:
        return;
    }
  }

  /** Whole clusters read as zeros afterwards; about a part of a cluster, a discard promises nothing. */
  #discard(offset: number, length: number): void {
    const cluster = this.#clusterSizeBytes;
    if (cluster === null) return this.disk.forget(offset, length);
    const end = offset + length;
    const first = Math.ceil(offset / cluster) * cluster;
    const last = Math.floor(end / cluster) * cluster;
    if (first >= last) return this.disk.forget(offset, length);
    this.disk.forget(offset, first - offset);
    this.disk.zero(first, last - first);
    this.disk.forget(last, end - last);
  }
}

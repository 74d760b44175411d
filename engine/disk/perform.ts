/** Carries out a request on a disk: the one place that knows which call each request is. */
import { Qcow2Error } from '../base/errors.ts';
import type { GuestDevice, ImageDevice, WriteOptions } from './device.ts';
import type { DiskRequest } from './request.ts';

const DURABLE: WriteOptions = { durable: true };

/** How much VM state was written since the last snapshot: it belongs to the next one. Outlives a reopened image. */
export class VmStateSize {
  #bytes = 0;

  wrote(offset: number, lengthBytes: number): void {
    this.#bytes = Math.max(this.#bytes, offset + lengthBytes);
  }

  take(): number {
    const bytes = this.#bytes;
    this.#bytes = 0;
    return bytes;
  }
}

/**
 * Carries out `request`. `payload` holds the bytes of a write, `length` of them, or takes those of a read; other requests do not
 * look at it. `vmState` knows what the requests before wrote.
 * @throws Qcow2Error of the disk; UNSUPPORTED for a request that only an image understands.
 */
export function perform(
  disk: GuestDevice,
  request: DiskRequest,
  payload: Uint8Array,
  vmState: VmStateSize = new VmStateSize(),
): void {
  switch (request.op) {
    case 'read':
      return disk.read(request.offset, payload);
    case 'write':
      return disk.write(request.offset, payload, request.durable ? DURABLE : undefined);
    case 'flush':
      return disk.flush();
    case 'discard':
      disk.discard(request.offset, request.length);
      if (request.durable) disk.flush();
      return;
    case 'write-zeroes': {
      const { mayUnmap, durable = false, fast = false } = request;
      return disk.writeZeroes(request.offset, request.length, { mayUnmap, durable, fast });
    }
    case 'vmstate-write':
      imageOf(disk, request).writeVmState(request.offset, payload);
      return vmState.wrote(request.offset, request.length);
    case 'vmstate-read':
      return imageOf(disk, request).readVmState(request.offset, payload);
    case 'snapshot-create': {
      const { name, dateSeconds = 0, vmStateBytes = vmState.take() } = request;
      imageOf(disk, request).createSnapshot({ name, dateSeconds, vmStateBytes });
      return;
    }
    case 'snapshot-apply':
      return imageOf(disk, request).applySnapshot(request.name);
    case 'snapshot-delete':
      return imageOf(disk, request).deleteSnapshot(request.name);
    case 'write-compressed':
      return imageOf(disk, request).writeCompressed(request.offset, payload);
    case 'resize':
      return imageOf(disk, request).resize(request.sizeBytes);
  }
}

function imageOf(disk: GuestDevice, { op }: DiskRequest): ImageDevice {
  if ('createSnapshot' in disk) return disk as ImageDevice;
  throw new Qcow2Error('UNSUPPORTED', `${disk.fileName} is a raw disk: it cannot do ${op}`, { file: disk.fileName });
}

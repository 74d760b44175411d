/** Carries out one request of a crash workload on an open image; the only place that knows which call it is. */
import type { Qcow2Image } from '../../../engine/index.ts';
import type { CrashRequest, ValueTable } from './crash-workload.ts';
import { sectorsOf } from './guest-values.ts';

/** Snapshots get a fixed date: a recording must be the same whenever it is made. */
const SNAPSHOT_DATE = { dateSeconds: 1_300_000_000, dateNanoseconds: 0 };

/** `reopen` closes the image and gives the new one; every other request leaves `image` as it is. */
export function performRequest(
  image: Qcow2Image,
  values: ValueTable,
  index: number,
  reopen: () => Qcow2Image,
): Qcow2Image {
  const request = values.requests[index]!;
  const payload = () => sectorsOf(values.firstOf(index), values.countOf(index));
  switch (request.op) {
    case 'write':
      image.write(request.offset, payload());
      return image;
    case 'vmstate-write':
      image.writeVmState(request.offset, payload());
      return image;
    case 'flush':
      image.flush();
      return image;
    case 'reopen':
      image.close();
      return reopen();
    default:
      performOwnerRequest(image, request, payload);
      return image;
  }
}

function performOwnerRequest(
  image: Qcow2Image,
  request: Exclude<CrashRequest, { op: 'write' | 'vmstate-write' | 'flush' | 'reopen' }>,
  payload: () => Uint8Array,
): void {
  switch (request.op) {
    case 'write-compressed':
      return image.writeCompressed(request.offset, payload());
    case 'write-zeroes':
      return image.writeZeroes(request.offset, request.length, { mayUnmap: request.mayUnmap });
    case 'discard':
      image.discard(request.offset, request.length);
      return;
    case 'snapshot-create':
      image.createSnapshot({ name: request.name, vmStateBytes: request.vmStateBytes ?? 0, ...SNAPSHOT_DATE });
      return;
    case 'snapshot-apply':
      return image.applySnapshot(request.name);
    case 'snapshot-delete':
      return image.deleteSnapshot(request.name);
    case 'resize':
      return image.resize(request.sizeBytes);
  }
}

/** Carries out one request of a crash workload on an open image. */
import { type DiskRequest, perform, type Qcow2Image } from '../../../engine/index.ts';
import type { CrashRequest, ValueTable } from './crash-workload.ts';
import { sectorsOf } from './guest-values.ts';

/** Snapshots get a fixed date: a recording must be the same whenever it is made. */
const SNAPSHOT_DATE_SECONDS = 1_300_000_000;

/** `reopen` closes the image and gives the new one; every other request leaves `image` as it is. */
export function performRequest(
  image: Qcow2Image,
  values: ValueTable,
  index: number,
  reopen: () => Qcow2Image,
): Qcow2Image {
  const request = values.requests[index]!;
  if (request.op === 'reopen') {
    image.close();
    return reopen();
  }
  perform(image, exactly(request), sectorsOf(values.firstOf(index), values.countOf(index)));
  return image;
}

function exactly(request: Exclude<CrashRequest, { op: 'reopen' }>): DiskRequest {
  if (request.op !== 'snapshot-create') return request;
  const { vmStateBytes = 0 } = request;
  return { ...request, vmStateBytes, dateSeconds: SNAPSHOT_DATE_SECONDS };
}

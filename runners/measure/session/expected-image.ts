/** How large an image becomes, about, known before one is made: a disk is mostly larger than what is written to it. */
import type { RequestStream } from '../../../workloads/request.ts';
import type { Workload } from '../../../workloads/workload.ts';

/** Below this the size of the disk is said, and no stream is read for it. */
const SMALL_DISK_BYTES = 256 * 2 ** 20;
/** A stream is read no further: seconds would go by before the first sample. */
const READ_REQUESTS_MAX = 2_000_000;
/** Places that are kept in memory, of a disk of any size. */
const PLACES_MAX = 2 ** 24;

/** Of the clusters that are written, by a workload whose streams are those given. At most the disk, its backing image and the VM state, without snapshots. */
export async function expectedImageBytes(
  {
    diskSizeBytes,
    vmStateSizeBytes,
    backingImage,
  }: Pick<Workload, 'diskSizeBytes' | 'vmStateSizeBytes' | 'backingImage'>,
  streams: readonly RequestStream[],
  clusterSizeBytes: number,
): Promise<number> {
  const besides = vmStateSizeBytes + (backingImage ? diskSizeBytes : 0);
  if (diskSizeBytes < SMALL_DISK_BYTES) return diskSizeBytes + besides;
  const placeBytes = Math.max(clusterSizeBytes, diskSizeBytes / PLACES_MAX);
  const written = await writtenPlaces(streams, new Uint8Array(Math.ceil(diskSizeBytes / placeBytes)), placeBytes);
  return (written === null ? diskSizeBytes : written * placeBytes) + besides;
}

/** Null where there is more than is read. A snapshot keeps what was written: from then on it is written anew. */
async function writtenPlaces(
  streams: readonly RequestStream[],
  isWritten: Uint8Array,
  placeBytes: number,
): Promise<number | null> {
  let [count, read] = [0, 0];
  for (const stream of streams) {
    for await (const batch of stream) {
      read += batch.length;
      if (read > READ_REQUESTS_MAX) return null;
      for (const request of batch) {
        if (request.op === 'snapshot-create') isWritten.fill(0);
        if (request.op !== 'write') continue;
        const last = Math.floor((request.offset + request.length - 1) / placeBytes);
        for (let place = Math.floor(request.offset / placeBytes); place <= last; place++) {
          count += 1 - isWritten[place]!;
          isWritten[place] = 1;
        }
      }
    }
  }
  return count;
}

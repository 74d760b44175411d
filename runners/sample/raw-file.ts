/**
 * The plain file of `--engine raw`: what the same requests cost without any image format. It has the size of the disk from the start,
 * and its space when it is first written (`sparse`), reserved ahead (`falloc`) or written ahead (`zeroes`).
 */
import { type BlockFile, Qcow2Error } from '../../engine/index.ts';
import type { RequestStream } from '../../workloads/request.ts';
import type { RawPreparation } from './job.ts';

const ZEROS = new Uint8Array(1024 * 1024);

/** Gives the empty `file` its size and its space. Throws Qcow2Error UNSUPPORTED where the file system cannot reserve any. */
export function prepareRawFile(file: BlockFile, sizeBytes: number, how: RawPreparation): void {
  if (how === 'falloc' && !file.preallocate(0, sizeBytes)) {
    throw new Qcow2Error('UNSUPPORTED', `${file.name}: the file system cannot reserve space (raw:falloc)`);
  }
  if (how === 'zeroes') {
    for (let offset = 0; offset < sizeBytes; offset += ZEROS.length)
      file.write(offset, ZEROS.subarray(0, Math.min(ZEROS.length, sizeBytes - offset)), 'data');
  }
  // One sync of the size alone, so that no request of the guest pays for it.
  file.truncate(sizeBytes);
}

/** The first request of `requests` that only an image can serve, by name; null: a plain disk serves them all. */
export async function firstImageRequest(requests: RequestStream): Promise<string | null> {
  for await (const batch of requests) {
    for (const { op } of batch) if (op.startsWith('snapshot-') || op.startsWith('vmstate-')) return op;
  }
  return null;
}

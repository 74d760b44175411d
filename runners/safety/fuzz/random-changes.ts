/** A few requests of every kind, at random, for an image that may be damaged. */
import type { Qcow2Error, Qcow2Image } from '../../../engine/index.ts';
import type { Prng } from '../../../workloads/prng.ts';
import { guarded, Violation } from './properties.ts';

const REQUESTS_PER_IMAGE = 8;
const LARGEST_REQUEST_BYTES = 65_536;
/** Most of what a small image holds lies here. */
const BUSY_BYTES = 40_960;

interface Range {
  readonly offset: number;
  readonly lengthBytes: number;
}

type Request = (image: Qcow2Image, prng: Prng, range: Range, sound: boolean) => void;

const REQUESTS: Readonly<Record<string, Request>> = {
  write: (image, prng, { offset, lengthBytes }) =>
    image.write(offset, new Uint8Array(lengthBytes).fill(prng.below(256))),
  'write and read back': (image, prng, { offset, lengthBytes }, sound) => {
    const written = new Uint8Array(lengthBytes).fill(prng.below(256));
    image.write(offset, written);
    const read = new Uint8Array(lengthBytes);
    image.read(offset, read);
    if (!sound || Buffer.compare(written, read) === 0) return;
    throw new Violation(
      'clean image',
      'write and read back',
      `${lengthBytes} bytes at ${offset} are not what was written`,
    );
  },
  'write zeroes': (image, prng, { offset, lengthBytes }) =>
    image.writeZeroes(offset, lengthBytes, { mayUnmap: prng.chance(0.5) }),
  discard: (image, _prng, { offset, lengthBytes }) => void image.discard(offset, lengthBytes),
  'write compressed': (image, prng, { offset }) => {
    const at = offset - (offset % image.clusterSizeBytes);
    const lengthBytes = Math.max(0, Math.min(image.clusterSizeBytes, image.sizeBytes - at));
    image.writeCompressed(at, new Uint8Array(lengthBytes).fill(prng.below(256)));
  },
  flush: (image) => image.flush(),
  'create snapshot': (image, prng) => void image.createSnapshot({ name: `new ${prng.uint32()}`, dateSeconds: 0 }),
  'apply snapshot': (image, prng) => image.applySnapshot(snapshotName(image, prng)),
  'delete snapshot': (image, prng) => image.deleteSnapshot(snapshotName(image, prng)),
  'write VM state': (image, prng) => image.writeVmState(prng.below(4096), new Uint8Array(700).fill(7)),
  grow: (image) => image.resize(Math.ceil(image.sizeBytes / 512) * 512 + 8192),
  shrink: (image) => image.resize(Math.max(0, Math.floor(image.sizeBytes / 512) * 512 - 8192), { shrink: true }),
};

/** Makes the requests; `onError` sees each error. True when none failed. `sound`: what is written must be there. */
export function changeAtRandom(
  image: Qcow2Image,
  prng: Prng,
  sound: boolean,
  onError: (request: string, error: Qcow2Error) => void,
): boolean {
  const names = Object.keys(REQUESTS);
  let complete = true;
  for (let count = 0; count < REQUESTS_PER_IMAGE; count++) {
    const name = names[prng.below(names.length)]!;
    const range = anyRange(image, prng);
    const error = guarded(name, () => REQUESTS[name]!(image, prng, range, sound));
    if (error === null || error.code === 'INVALID_ARGUMENT') continue;
    complete = false;
    onError(name, error);
  }
  return complete;
}

function anyRange(image: Qcow2Image, prng: Prng): Range {
  const reach = prng.chance(0.8) ? Math.min(BUSY_BYTES, image.sizeBytes) : image.sizeBytes;
  const unit = prng.chance(0.7) ? 512 : 1;
  const offset = Math.floor(prng.below(reach + 1) / unit) * unit;
  const lengthBytes =
    Math.floor(prng.below(Math.min(LARGEST_REQUEST_BYTES, image.sizeBytes - offset) + 1) / unit) * unit;
  return { offset, lengthBytes };
}

function snapshotName(image: Qcow2Image, prng: Prng): string {
  const snapshots = image.listSnapshots();
  return snapshots[prng.below(Math.max(1, snapshots.length))]?.name ?? 'none';
}

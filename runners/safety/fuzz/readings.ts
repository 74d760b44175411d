/** Everything that may be read from a damaged image, a piece of each. */
import { type BlockFile, describeImage, type Qcow2Error, type Qcow2Image } from '../../../engine/index.ts';
import { guarded, Violation } from './properties.ts';

const READ_PIECE_BYTES = 65_536;
const READ_LIMIT_BYTES = 8 * READ_PIECE_BYTES;
/** An image may list thousands. */
const SNAPSHOTS_READ = 3;

/** Of an image that is open to read, and not closed here. `sound`: nothing in it may be called corrupt. */
export function readEverything(image: Qcow2Image, file: BlockFile, sound: boolean): void {
  const step = (name: string, act: () => void) => refuseWhenSound(sound, name, guarded(name, act));
  readDisk(image, 'read', READ_LIMIT_BYTES, step);
  step('describe', () => void describeImage(file));
  step('list snapshots', () => void image.listSnapshots());
  step('read VM state', () => image.readVmState(0, new Uint8Array(1024)));
  for (const { id } of image.listSnapshots().slice(0, SNAPSHOTS_READ)) {
    // The checker does not compare the size that a snapshot claims with its L1 table.
    let disk: Qcow2Image | null = null;
    guarded('open snapshot', () => {
      disk = image.openSnapshot(id);
    });
    if (disk !== null) readDisk(disk, 'read snapshot', READ_PIECE_BYTES, step);
  }
}

/** The start of the disk, up to `limitBytes`, and its end. */
function readDisk(
  disk: Qcow2Image,
  name: string,
  limitBytes: number,
  step: (name: string, act: () => void) => void,
): void {
  const piece = new Uint8Array(READ_PIECE_BYTES);
  const readAt = (offset: number) => {
    const lengthBytes = Math.min(piece.length, disk.sizeBytes - offset);
    step(name, () => disk.read(offset, piece.subarray(0, lengthBytes)));
    if (lengthBytes > 0) step(`${name} map`, () => void disk.map(offset, lengthBytes));
  };
  for (let at = 0; at < Math.min(disk.sizeBytes, limitBytes); at += piece.length) readAt(at);
  readAt(Math.max(0, disk.sizeBytes - piece.length));
}

/** @throws Violation when `error` calls an image corrupt in which the checker finds nothing. */
export function refuseWhenSound(sound: boolean, step: string, error: Qcow2Error | null): void {
  if (!sound || error === null || error.code !== 'CORRUPT') return;
  throw new Violation('clean image', step, `the checker finds nothing, but: ${error.message}`, error);
}

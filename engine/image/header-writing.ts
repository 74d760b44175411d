/** Writing the header as a whole, with its extensions and names. */
import { SECTOR_BYTES } from '../base/units.ts';
import type { BlockFile } from '../io/block-file.ts';

/**
 * Writes the first cluster; durable on return. The first sector holds every fixed field: it is written last, so that a header never
 * points to a name that is not there.
 */
export function writeHeaderCluster(file: BlockFile, bytes: Uint8Array): void {
  if (bytes.length > SECTOR_BYTES) {
    file.write(SECTOR_BYTES, bytes.subarray(SECTOR_BYTES), 'header');
    file.sync('table-before-pointer');
  }
  file.write(0, bytes.subarray(0, SECTOR_BYTES), 'header');
  file.sync('hook-up');
}

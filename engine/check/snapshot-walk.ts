/**
 * The snapshot table: its own clusters, and the L1 table of each snapshot.
 */
import { uint64 } from './big-endian.ts';
import type { Examination } from './examination.ts';
import type { MappingWalk } from './mapping-walk.ts';
import { OWNER_SNAPSHOT_TABLE } from './references.ts';

const COUNT_FIELD = 60;
const OFFSET_FIELD = 64;
const COUNT_LIMIT = 65_536;
const TABLE_LIMIT_BYTES = 64 * 2 ** 20;
const EXTRA_LIMIT_BYTES = 1024;
const L1_LIMIT_ENTRIES = 2 ** 22;
/** Version 3 wants the 64-bit VM state size and the virtual disk size in every entry. */
const EXTRA_BYTES_VERSION_3 = 16;

/** Walks all snapshots. After the first entry whose length makes no sense the rest of the table is lost. */
export function walkSnapshots(x: Examination, walk: MappingWalk): void {
  const { snapshotCount: count, snapshotsOffset: start, clusterBytes } = x.shape;
  if (count === 0) return;
  if (x.shape.hasDataFile) {
    x.findings.add('header-field', COUNT_FIELD, 'no snapshots in an image with data file', count);
    x.everythingWasFollowed = false;
    return;
  }
  if (count > COUNT_LIMIT) x.findings.add('header-field', COUNT_FIELD, `at most ${COUNT_LIMIT} snapshots`, count);
  if (start % clusterBytes !== 0 || start === 0 || start >= x.shape.fileBytes) {
    x.findings.add('header-field', OFFSET_FIELD, `a multiple of ${clusterBytes} in the file`, start);
    x.noteOutside(start + 1, false);
    return;
  }
  let end = start;
  for (let i = 0; i < Math.min(count, COUNT_LIMIT); i++) {
    const lengthBytes = snapshotEntry(x, walk, start + Math.ceil((end - start) / 8) * 8, start);
    if (lengthBytes === 0) {
      x.everythingWasFollowed = false;
      break;
    }
    end = start + Math.ceil((end - start) / 8) * 8 + lengthBytes;
  }
  x.refer(OFFSET_FIELD, start, end - start, OWNER_SNAPSHOT_TABLE);
}

/** Checks the entry at file offset `at`; its length in bytes, or 0 when it makes no sense. */
function snapshotEntry(x: Examination, walk: MappingWalk, at: number, tableStart: number): number {
  const fixed = new Uint8Array(40);
  if (!x.readInto(at, fixed, 'snapshot-table')) return 0;
  const view = new DataView(fixed.buffer);
  const extraBytes = view.getUint32(36);
  if (extraBytes > EXTRA_LIMIT_BYTES) {
    x.findings.add('snapshot-entry', at, `at most ${EXTRA_LIMIT_BYTES}`, `${extraBytes} bytes of extra data`);
  }
  if (x.shape.version >= 3 && extraBytes < EXTRA_BYTES_VERSION_3) {
    x.findings.add('snapshot-entry', at, `at least ${EXTRA_BYTES_VERSION_3}`, `${extraBytes} bytes of extra data`);
  }
  const lengthBytes = 40 + extraBytes + view.getUint16(12) + view.getUint16(14);
  if (at + lengthBytes > x.shape.fileBytes || at + lengthBytes - tableStart > TABLE_LIMIT_BYTES) {
    x.findings.add('snapshot-entry', at, 'within the file and 64 MiB', `an entry of ${lengthBytes} bytes`);
    x.noteOutside(at + lengthBytes, false);
    return 0;
  }
  if (extraBytes >= EXTRA_BYTES_VERSION_3) diskSize(x, at);
  snapshotL1(x, walk, at, uint64(view, 0), view.getUint32(8));
  return lengthBytes;
}

/** The second field of the extra data: the size that the disk gets back. One that it has already is no change. */
function diskSize(x: Examination, at: number): void {
  const field = new Uint8Array(8);
  if (!x.readInto(at + 48, field, 'snapshot-table')) return;
  const sizeBytes = uint64(new DataView(field.buffer), 0);
  if (sizeBytes === x.shape.sizeBytes || sizeBytes % 512 === 0) return;
  x.findings.add('snapshot-entry', at, 'a multiple of 512', `a disk of ${sizeBytes} bytes`);
}

function snapshotL1(x: Examination, walk: MappingWalk, at: number, offset: number, entries: number): void {
  const isAligned = offset % x.shape.clusterBytes === 0 && (offset > 0 || entries === 0);
  if (isAligned && entries <= L1_LIMIT_ENTRIES) {
    walk.l1Table(at, { offset, lengthBytes: entries * 8 }, false);
    return;
  }
  if (!isAligned) {
    x.findings.add('snapshot-entry', at, `a multiple of ${x.shape.clusterBytes}`, `L1 table offset ${offset}`);
  } else {
    x.findings.add('snapshot-entry', at, `at most ${L1_LIMIT_ENTRIES}`, `L1 table of ${entries} entries`);
  }
  x.everythingWasFollowed = false;
}

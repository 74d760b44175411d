/**
 * Repairing COPIED flags in the active L1 table and the L2 tables that it names. Only the flag changes, and only in tables that
 * nothing but table pointers refers to.
 */
import type { TableKind } from '../io/block-file.ts';
import { isCompressedEntry, isCopiedEntry, pointerOffset } from './big-endian.ts';
import type { ExaminedImage } from './check-image.ts';
import type { Examination } from './examination.ts';
import { OWNER_L1, OWNER_L2 } from './references.ts';

const SECTOR_BYTES = 512;
const PIECE_BYTES = 65_536;

/**
 * `clear-shared`: only clears flags on clusters with several references, whatever the stored refcount says.
 * `match`: sets each flag to what the stored refcount says, but never on a cluster with several references.
 */
export type CopiedRepair = 'clear-shared' | 'match';

/** Rewrites the sectors whose flags change, not synced; returns how many entries changed. */
export function repairCopiedFlags({ examination: x }: ExaminedImage, repair: CopiedRepair): number {
  const { l1, clusterBytes } = x.shape;
  const l1Entries = l1.lengthBytes / 8;
  if (x.references.isOutside(l1.offset, l1.lengthBytes) || l1.offset % clusterBytes !== 0 || l1Entries > 2 ** 22)
    return 0;
  let changed = 0;
  const l2Offsets = new Set<number>();
  const rewrite = (table: Table) => {
    changed += rewriteTable(x, table, repair, l2Offsets);
  };
  rewrite({ offset: l1.offset, lengthBytes: l1.lengthBytes, entryBytes: 8, kind: 'l1', owner: OWNER_L1 });
  const entryBytes = x.shape.hasExtendedL2 ? 16 : 8;
  for (const offset of l2Offsets) {
    rewrite({ offset, lengthBytes: clusterBytes, entryBytes, kind: 'l2', owner: OWNER_L2 });
  }
  return changed;
}

interface Table {
  readonly offset: number;
  readonly lengthBytes: number;
  readonly entryBytes: number;
  readonly kind: TableKind;
  readonly owner: number;
}

/** Read in pieces, written sector by sector; L2 tables named by an L1 table are added to `l2Offsets`. */
function rewriteTable(x: Examination, table: Table, repair: CopiedRepair, l2Offsets: Set<number>): number {
  const isOwn = isOwnedBy(x, table);
  const piece = new Uint8Array(PIECE_BYTES);
  let changed = 0;
  for (let at = 0; at < table.lengthBytes; at += SECTOR_BYTES) {
    const inPiece = at % PIECE_BYTES;
    if (inPiece === 0) x.file.read(table.offset + at, piece, table.kind);
    const sector = piece.subarray(inPiece, inPiece + Math.min(SECTOR_BYTES, table.lengthBytes - at));
    const view = new DataView(sector.buffer, sector.byteOffset, sector.length);
    let changedHere = 0;
    for (let index = 0; index < sector.length; index += table.entryBytes) {
      const target = targetOf(x, view, index, table.kind);
      if (target === null) continue;
      if (table.kind === 'l1') l2Offsets.add(target);
      if (isOwn && repairEntry(x, view, index, target, table.kind, repair)) changedHere++;
    }
    if (changedHere > 0) x.file.write(table.offset + at, sector, table.kind);
    changed += changedHere;
  }
  return changed;
}

function isOwnedBy(x: Examination, table: Table): boolean {
  const first = table.offset / x.shape.clusterBytes;
  const end = Math.ceil((table.offset + table.lengthBytes) / x.shape.clusterBytes);
  return x.references.owners.subarray(first, end).every((owner) => owner === table.owner);
}

/** The cluster that an entry names, or null when it names none that could be judged. */
function targetOf(x: Examination, view: DataView, index: number, kind: TableKind): number | null {
  const high = view.getUint32(index);
  const low = view.getUint32(index + 4);
  if (kind === 'l2' && isCompressedEntry(high)) return null;
  const offset = pointerOffset(high, low);
  if (kind === 'l2' && x.shape.hasDataFile) return offset > 0 ? offset : null;
  const isJudged =
    offset > 0 && offset % x.shape.clusterBytes === 0 && !x.references.isOutside(offset, x.shape.clusterBytes);
  return isJudged ? offset : null;
}

function repairEntry(
  x: Examination,
  view: DataView,
  index: number,
  target: number,
  kind: TableKind,
  repair: CopiedRepair,
): boolean {
  const isExternal = kind === 'l2' && x.shape.hasDataFile;
  const isShared = !isExternal && x.references.counts[target / x.shape.clusterBytes]! > 1;
  const isCopied = isCopiedEntry(view.getUint32(index));
  let wanted = isCopied;
  if (isShared) wanted = false;
  else if (repair === 'match') wanted = isExternal || x.storedAt(target) === 1;
  if (wanted === isCopied) return false;
  // Bit 63 is the top bit of the entry's first byte.
  view.setUint8(index, view.getUint8(index) + (wanted ? 128 : -128));
  return true;
}

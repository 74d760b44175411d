/**
 * L2 entries that can be put right without loss: zeros that claim a place inside a cluster, and data that lies on a table. Changes no
 * guest byte: what reads as zeros still does, and data is copied to where nothing else is.
 */
import { roundUp } from '../base/units.ts';
import type { StagedFile } from '../io/staged-file.ts';
import { isCompressedEntry, pointerOffset } from './big-endian.ts';
import type { ExaminedImage } from './check-image.ts';
import type { Examination } from './examination.ts';
import { OWNER_L2, OWNER_MIXED } from './references.ts';

/** An entry as it is to be; file offset of its first 8 bytes. */
interface Change {
  readonly at: number;
  readonly high: number;
  readonly low: number;
}

/**
 * Rewrites such entries in the L2 tables that nothing else uses; durable on return. True if it did. Copies come to the end of the
 * file, uncounted: refcounts are to be raised afterwards. `file` is the one that was examined.
 */
export function repairEntries({ examination: x }: ExaminedImage, file: StagedFile): boolean {
  const changes: Change[] = [];
  const { clusterBytes } = x.shape;
  let end = roundUp(x.shape.fileBytes, clusterBytes);
  const table = new Uint8Array(clusterBytes);
  const copy = new Uint8Array(clusterBytes);
  for (let cluster = 0; cluster < x.references.clusterCount; cluster++) {
    if (x.references.owners[cluster] !== OWNER_L2 || !x.readInto(cluster * clusterBytes, table, 'l2')) continue;
    for (const { at, high, low, target } of doubtful(x, new DataView(table.buffer), cluster * clusterBytes)) {
      if (target === null) {
        changes.push({ at, high, low });
        continue;
      }
      if (!x.readInto(target, copy, 'data')) continue;
      file.copy(target, end, clusterBytes, 'data');
      // Without COPIED: nothing counts the copy yet.
      changes.push({ at, high: Math.floor(end / 2 ** 32), low: (end % 2 ** 32) + (low % 512) });
      end += clusterBytes;
    }
  }
  if (changes.length === 0) return false;
  x.file.sync('data-before-mapping');
  for (const change of changes) writeEntry(x, change);
  x.file.sync('other');
  return true;
}

/** Entries to be replaced as they are given, and those whose data at `target` must be copied first. */
function* doubtful(
  x: Examination,
  view: DataView,
  offset: number,
): Generator<Change & { readonly target: number | null }> {
  const { clusterBytes, hasExtendedL2, hasDataFile } = x.shape;
  const step = hasExtendedL2 ? 16 : 8;
  for (let index = 0; index < clusterBytes; index += step) {
    const high = view.getUint32(index);
    const low = view.getUint32(index + 4);
    if (isCompressedEntry(high)) continue;
    const target = pointerOffset(high, low);
    const at = offset + index;
    if (target % clusterBytes !== 0) {
      if (holdsNoData(x, view, index)) yield { at, high: 0, low: low % 2, target: null };
    } else if (!hasDataFile && target > 0 && x.references.owners[target / clusterBytes] === OWNER_MIXED) {
      yield { at, high, low, target };
    }
  }
}

/** Zeros, whatever place the entry names. */
function holdsNoData(x: Examination, view: DataView, index: number): boolean {
  if (x.shape.hasExtendedL2) return view.getUint32(index + 12) === 0;
  return x.shape.version >= 3 && view.getUint32(index + 4) % 2 === 1;
}

function writeEntry(x: Examination, { at, high, low }: Change): void {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, high);
  view.setUint32(4, low);
  x.file.write(at, bytes, 'l2');
}

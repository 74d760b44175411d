/**
 * The refcounts that the image holds: refcount table and refcount blocks.
 */
import type { Examination } from './examination.ts';
import type { ByteRange, ImageShape } from './image-shape.ts';
import { OWNER_REFCOUNT_BLOCK, OWNER_REFCOUNT_TABLE } from './references.ts';

const TABLE_LIMIT_BYTES = 8 * 2 ** 20;
const TABLE_OFFSET_FIELD = 48;
const TABLE_CLUSTERS_FIELD = 56;
const COUNT_MAX = 0xffff_ffff;
const TWO_POW_32 = 2 ** 32;

/** A refcount block that the table names: index in the table and host offset, one after the other. */
export type BlockPlaces = readonly number[];

/** Fills `x.stored` and returns the places of the blocks that lie inside the file. */
export function loadStoredRefcounts(x: Examination): BlockPlaces {
  const { clusterBytes, refcountOrder } = x.shape;
  const places = readRefcountTable(x);
  const perBlock = (clusterBytes * 8) / 2 ** refcountOrder;
  for (let i = 0; i < places.length; i += 2) {
    const first = places[i]! * perBlock;
    const count = Math.min(perBlock, x.references.clusterCount - first);
    if (count <= 0) continue;
    const neededBytes = Math.ceil((count * 2 ** refcountOrder) / 8);
    if (x.load(places[i + 1]!, neededBytes, 'refcount-block')) decodeBlock(x, first, count);
  }
  return places;
}

function readRefcountTable(x: Examination): number[] {
  const { refcountTable: table, clusterBytes, fileBytes } = x.shape;
  const places: number[] = [];
  const findingsBefore = x.findings.count('corruption');
  if (table.lengthBytes === 0 || table.lengthBytes > TABLE_LIMIT_BYTES) {
    x.findings.add('header-field', TABLE_CLUSTERS_FIELD, 'a refcount table of 1 cluster to 8 MiB', table.lengthBytes);
  }
  if (table.offset % clusterBytes !== 0 || table.offset === 0) {
    x.findings.add('header-field', TABLE_OFFSET_FIELD, `a multiple of ${clusterBytes}`, table.offset);
    x.refcountTableIsSound = false;
    return places;
  }
  const end = table.offset + Math.min(table.lengthBytes, TABLE_LIMIT_BYTES, Math.max(0, fileBytes - table.offset));
  for (let offset = table.offset; offset < end; offset += x.bufferBytes) {
    const lengthBytes = Math.min(x.bufferBytes, end - offset);
    if (x.load(offset, Math.ceil(lengthBytes / 8) * 8, 'refcount-table')) {
      scanTablePiece(x, places, offset, (offset - table.offset) / 8, Math.ceil(lengthBytes / 8));
    }
  }
  x.refcountTableIsSound = x.findings.count('corruption') === findingsBefore;
  return places;
}

function scanTablePiece(x: Examination, places: number[], at: number, firstIndex: number, count: number): void {
  const { words, view } = x;
  for (let i = 0; i < count; i++) {
    if (words[2 * i] === 0 && words[2 * i + 1] === 0) continue;
    const low = view.getUint32(8 * i + 4);
    const offset = view.getUint32(8 * i) * TWO_POW_32 + low - (low % 512);
    if (low % 512 !== 0) x.findings.add('reserved-bits', at + 8 * i, 0, low % 512);
    if (offset % x.shape.clusterBytes !== 0) {
      x.findings.add('pointer-misaligned', at + 8 * i, `a multiple of ${x.shape.clusterBytes}`, offset);
    } else if (offset >= x.references.clusterCount * x.shape.clusterBytes) {
      x.findings.add('pointer-outside', at + 8 * i, `below ${x.shape.fileBytes}`, offset);
    } else if (offset > 0) {
      places.push(firstIndex + i, offset);
    }
  }
}

function decodeBlock(x: Examination, first: number, count: number): void {
  const { view, stored } = x;
  switch (x.shape.refcountOrder) {
    case 3:
      for (let i = 0; i < count; i++) stored[first + i] = view.getUint8(i);
      break;
    case 4:
      for (let i = 0; i < count; i++) stored[first + i] = view.getUint16(2 * i);
      break;
    case 5:
      for (let i = 0; i < count; i++) stored[first + i] = view.getUint32(4 * i);
      break;
    case 6:
      for (let i = 0; i < count; i++) {
        stored[first + i] = view.getUint32(8 * i) > 0 ? COUNT_MAX : view.getUint32(8 * i + 4);
      }
      break;
    default:
      decodeSubByteBlock(x, first, count, 2 ** x.shape.refcountOrder);
  }
}

/** Counts of 1, 2 or 4 bits: the first of a byte is in its lowest bits. */
function decodeSubByteBlock(x: Examination, first: number, count: number, bits: number): void {
  const perByte = 8 / bits;
  const base = 2 ** bits;
  for (let i = 0; i < count; i++) {
    const byte = x.view.getUint8(Math.floor(i / perByte));
    x.stored[first + i] = Math.floor(byte / base ** (i % perByte)) % base;
  }
}

/** The clusters that the refcount table claims, as far as the limit goes. */
export function refcountTableRange({ refcountTable: table, clusterBytes }: ImageShape): ByteRange {
  const offset = table.offset - (table.offset % clusterBytes);
  return { offset, lengthBytes: Math.min(table.lengthBytes, TABLE_LIMIT_BYTES) };
}

/** Counts the references to the refcount structures themselves; the last of all walks, so that a block in use elsewhere shows. */
export function referToRefcountStructures(x: Examination, places: BlockPlaces): void {
  const { clusterBytes } = x.shape;
  const table = refcountTableRange(x.shape);
  if (x.references.isOutside(table.offset, table.lengthBytes)) {
    x.findings.add('pointer-outside', TABLE_OFFSET_FIELD, `below ${x.shape.fileBytes}`, table.offset);
    x.refcountTableIsSound = false;
  } else {
    x.references.add(table.offset, table.lengthBytes, OWNER_REFCOUNT_TABLE, 1);
  }
  for (let i = 0; i < places.length; i += 2) {
    const cluster = places[i + 1]! / clusterBytes;
    x.references.addCluster(cluster, OWNER_REFCOUNT_BLOCK, 1);
    const found = x.references.counts[cluster]!;
    if (found !== 1) x.findings.add('refcount-block', places[i + 1]!, 1, found);
  }
}

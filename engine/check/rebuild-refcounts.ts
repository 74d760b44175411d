/**
 * New refcount structures where the old ones cannot be repaired.
 *
 * They are written past the end of the file, where nothing refers to, and made durable; then one write within the header's first
 * sector switches to them. A crash before the switch leaves the image as it was, a crash after it leaves it repaired.
 */
import { Qcow2Error } from '../base/errors.ts';
import type { ExaminedImage } from './check-image.ts';
import { putRefcount, widestRefcount } from './refcount-writing.ts';
import { refcountTableRange } from './stored-refcounts.ts';

const TABLE_OFFSET_FIELD = 48;
const TABLE_SIZE_FIELD = 56;
const ORDER_FIELD = 96;
const TABLE_LIMIT_BYTES = 8 * 2 ** 20;

/** References without those of the old refcount structures, which the rebuilt image no longer has. */
function countsWithoutOldStructures({ examination: x, refcountBlocks }: ExaminedImage): Uint32Array {
  const { clusterBytes } = x.shape;
  const counts = x.references.counts.slice();
  const table = refcountTableRange(x.shape);
  if (!x.references.isOutside(table.offset, table.lengthBytes)) {
    const first = table.offset / clusterBytes;
    for (let i = 0; i < table.lengthBytes / clusterBytes; i++) counts[first + i]! -= 1;
  }
  for (let i = 1; i < refcountBlocks.length; i += 2) counts[refcountBlocks[i]! / clusterBytes]! -= 1;
  return counts;
}

/**
 * Writes new refcount blocks and a new table and switches to them; durable on return. Stored refcounts above the references are
 * kept unless `mayLower`. `refcountOrder`: log2 of the new width in bits. Throws UNSUPPORTED when the table would be larger than
 * 8 MiB.
 */
export function rebuildRefcounts(
  examined: ExaminedImage,
  mayLower: boolean,
  refcountOrder = examined.examination.shape.refcountOrder,
): void {
  const { examination: x } = examined;
  const { clusterBytes } = x.shape;
  const counts = countsWithoutOldStructures(examined);
  const widest = widestRefcount(refcountOrder);
  const target = counts.map((count, cluster) =>
    Math.min(widest, mayLower ? count : Math.max(count, x.stored[cluster]!)),
  );
  const layout = layOut(target, x.references.clusterCount, clusterBytes, (clusterBytes * 8) / 2 ** refcountOrder);
  if (layout.tableClusters * clusterBytes > TABLE_LIMIT_BYTES) {
    const message = `${x.shape.fileName}: the refcount table would be larger than 8 MiB`;
    throw new Qcow2Error('UNSUPPORTED', message, { file: x.shape.fileName, table: 'refcount-table' });
  }
  const table = new Uint8Array(layout.tableClusters * clusterBytes);
  writeBlocks(examined, target, layout, refcountOrder, new DataView(table.buffer));
  x.file.write(layout.tableCluster * clusterBytes, table, 'refcount-table');
  // The new structures must be durable before the header names them.
  x.file.sync('table-before-pointer');
  switchHeader(examined, layout, refcountOrder);
  x.file.sync('hook-up');
}

interface Layout {
  /** Indexes in the refcount table of the blocks to write, ascending; block i is in cluster firstCluster + i. */
  readonly blockIndexes: readonly number[];
  readonly firstCluster: number;
  /** The table follows the blocks. */
  readonly tableCluster: number;
  readonly tableClusters: number;
  readonly perBlock: number;
}

/** Blocks are needed for clusters in use and for the new structures themselves, which may need blocks more. */
function layOut(target: Uint32Array, clusterCount: number, clusterBytes: number, perBlock: number): Layout {
  const firstCluster = target.length > clusterCount && target[clusterCount]! > 0 ? clusterCount + 1 : clusterCount;
  const used = new Set<number>();
  target.forEach((count, cluster) => {
    if (count > 0) used.add(Math.floor(cluster / perBlock));
  });
  for (let size = 1; ; ) {
    const needed = new Set(used);
    for (let cluster = firstCluster; cluster < firstCluster + size; cluster++)
      needed.add(Math.floor(cluster / perBlock));
    const blockIndexes = [...needed].sort((a, b) => a - b);
    const tableClusters = Math.ceil(((blockIndexes.at(-1)! + 1) * 8) / clusterBytes);
    const sizeNow = blockIndexes.length + tableClusters;
    if (sizeNow <= size) {
      return { blockIndexes, firstCluster, tableCluster: firstCluster + blockIndexes.length, tableClusters, perBlock };
    }
    size = sizeNow;
  }
}

function writeBlocks(
  { examination: x }: ExaminedImage,
  target: Uint32Array,
  layout: Layout,
  refcountOrder: number,
  table: DataView,
): void {
  const { clusterBytes } = x.shape;
  const { blockIndexes, firstCluster, tableCluster, tableClusters, perBlock } = layout;
  const block = new Uint8Array(clusterBytes);
  const view = new DataView(block.buffer);
  blockIndexes.forEach((blockIndex, i) => {
    block.fill(0);
    for (let index = 0; index < perBlock; index++) {
      const cluster = blockIndex * perBlock + index;
      const isNew = cluster >= firstCluster && cluster < tableCluster + tableClusters;
      const count = isNew ? 1 : (target[cluster] ?? 0);
      if (count > 0) putRefcount(view, index, refcountOrder, count);
    }
    const offset = (firstCluster + i) * clusterBytes;
    x.file.write(offset, block, 'refcount-block');
    table.setBigUint64(blockIndex * 8, BigInt(offset));
  });
}

/** Table offset, table size and width of a refcount are in the first sector: one write, all or nothing. */
function switchHeader({ examination: x }: ExaminedImage, layout: Layout, refcountOrder: number): void {
  const isSameOrder = refcountOrder === x.shape.refcountOrder;
  const bytes = new Uint8Array((isSameOrder ? TABLE_SIZE_FIELD : ORDER_FIELD) + 4 - TABLE_OFFSET_FIELD);
  x.file.read(TABLE_OFFSET_FIELD, bytes, 'header');
  const fields = new DataView(bytes.buffer);
  fields.setBigUint64(0, BigInt(layout.tableCluster * x.shape.clusterBytes));
  fields.setUint32(TABLE_SIZE_FIELD - TABLE_OFFSET_FIELD, layout.tableClusters);
  if (!isSameOrder) fields.setUint32(ORDER_FIELD - TABLE_OFFSET_FIELD, refcountOrder);
  x.file.write(TABLE_OFFSET_FIELD, bytes, 'header');
}

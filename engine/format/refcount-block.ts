/**
 * Reference counts in a refcount block (qcow2.rst, "Host cluster management"), width 2^order bits for order 0..6.
 *
 * Counts narrower than a byte fill each byte from its least significant bit upwards; wider ones are big-endian.
 * `index` counts entries from the start of `view`.
 */
import { Qcow2Error } from '../base/errors.ts';
import { readUint64, writeUint64 } from './uint64.ts';

export const REFCOUNT_ORDER_DEFAULT = 4;

/** The largest count that a block of this order can hold; for order 6 the largest exact one, 2^53 - 1. */
export function maxRefcount(order: number): number {
  return order === 6 ? Number.MAX_SAFE_INTEGER : 2 ** (2 ** order) - 1;
}

/** How many counts a refcount block of one cluster holds. */
export function refcountsPerBlock(clusterBits: number, order: number): number {
  return 2 ** (clusterBits + 3 - order);
}

/** The count at `index`. Throws UNSUPPORTED for a 64-bit count above 2^53 - 1. */
export function getRefcount(view: DataView, index: number, order: number): number {
  if (order === 4) return view.getUint16(index * 2);
  switch (order) {
    case 3:
      return view.getUint8(index);
    case 5:
      return view.getUint32(index * 4);
    case 6:
      return readUint64(view, index * 8, 'refcount');
    default:
      return getSubByteRefcount(view, index, order);
  }
}

/** Stores `count`. Throws INVALID_ARGUMENT, and changes nothing, when it does not fit the width. */
export function setRefcount(view: DataView, index: number, order: number, count: number): void {
  if (!(count >= 0 && count <= maxRefcount(order))) {
    throw new Qcow2Error('INVALID_ARGUMENT', `refcount ${count} does not fit into ${2 ** order} bits`, {
      found: count,
    });
  }
  switch (order) {
    case 3:
      return view.setUint8(index, count);
    case 4:
      return view.setUint16(index * 2, count);
    case 5:
      return view.setUint32(index * 4, count);
    case 6:
      return writeUint64(view, index * 8, count);
    default:
      return setSubByteRefcount(view, index, order, count);
  }
}

function getSubByteRefcount(view: DataView, index: number, order: number): number {
  const bits = 1 << order;
  const perByteShift = 3 - order;
  const shift = (index & ((1 << perByteShift) - 1)) << order;
  return (view.getUint8(Math.floor(index / (1 << perByteShift))) >>> shift) & ((1 << bits) - 1);
}

function setSubByteRefcount(view: DataView, index: number, order: number, count: number): void {
  const bits = 1 << order;
  const perByteShift = 3 - order;
  const shift = (index & ((1 << perByteShift) - 1)) << order;
  const byteIndex = Math.floor(index / (1 << perByteShift));
  const mask = ((1 << bits) - 1) << shift;
  view.setUint8(byteIndex, (view.getUint8(byteIndex) & ~mask) | (count << shift));
}

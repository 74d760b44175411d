/**
 * Byte units and the four address kinds of a copy-on-write image.
 *
 * Offsets and lengths are plain `number`s in bytes; they are exact up to 2^53 - 1 (8 PiB - 1) and checked once, where
 * they are decoded. The brands keep guest and host addresses apart at no run-time cost.
 */

/** 2^10 bytes. */
export const KiB = 1024;
/** 2^20 bytes. */
export const MiB = 1024 * KiB;
/** 2^30 bytes. */
export const GiB = 1024 * MiB;
/** 2^40 bytes. */
export const TiB = 1024 * GiB;

/** The unit of atomicity that disks promise, and of guest requests: 512 bytes. */
export const SECTOR_BYTES = 512;

declare const unit: unique symbol;
/** Byte offset on the virtual disk that the guest sees. */
export type GuestOffset = number & { readonly [unit]: 'GuestOffset' };
/** Byte offset in the image file. */
export type HostOffset = number & { readonly [unit]: 'HostOffset' };
/** Index of a cluster of the virtual disk. */
export type GuestCluster = number & { readonly [unit]: 'GuestCluster' };
/** Index of a cluster of the image file. */
export type HostCluster = number & { readonly [unit]: 'HostCluster' };

/** A whole number in all its decimal digits: above 2^53 a template literal shows the shortest that reads back as the same one. */
export function exactText(value: number): string {
  return Number.isSafeInteger(value) || !Number.isInteger(value) ? String(value) : BigInt(value).toString();
}

/** `value` rounded down to a multiple of `step` (both in the same unit, exact up to 2^53 - 1). */
export function roundDown(value: number, step: number): number {
  return value - (value % step);
}

/** `value` rounded up to a multiple of `step`. */
export function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

/** How many pieces of `step` cover `value`. */
export function countOf(value: number, step: number): number {
  return Math.ceil(value / step);
}

/** A stretch of the image file, bytes. */
export interface HostRange {
  readonly offset: number;
  readonly lengthBytes: number;
}

/** `value` to `decimals` decimals as C's printf rounds it: a tie, which only a multiple of 1/16 can be, goes to the even digit. */
export function rounded(value: number, decimals: 0 | 1 | 2 | 3): number {
  const scaled = value * 10 ** decimals;
  const isTie = Number.isInteger(value * 16) && scaled % 1 === 0.5;
  return isTie ? (2 * Math.round(scaled / 2)) / 10 ** decimals : Number(value.toFixed(decimals));
}

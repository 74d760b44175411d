/**
 * What guests write: bytes that compress badly, cost little more than a memcpy, and say where they come from.
 *
 * Invariants:
 *  1. The content of a 512-byte sector is a function of (seed, write serial, guest sector), and no two of these share it:
 *     each sector carries the three in a stamp of 24 bytes, the rest comes from a pseudo-random pool of the seed.
 *  2. The guest data of neighbouring sectors lies in the pool in one piece, so filling is copying.
 *
 *   stamp, byte: 0 magic · 4 seed · 8 write serial · 12 guest sector, low 32 bits · 16 the bits above · 20 check
 *
 * All numbers of the stamp are 32 bits, little-endian; a seed counts modulo 2^32.
 */
import { SECTOR_BYTES } from '../engine/base/units.ts';
import { mix32, Prng } from './prng.ts';

/** 16 MiB: many times the windows of common compressors, so that two writes seldom repeat one another within one. */
const POOL_SECTORS = 32_768;
const POOL_BYTES = POOL_SECTORS * SECTOR_BYTES;

const STAMP_BYTES = 24;
const MAGIC = 0x57_4f_43_63;
const TWO_POW_32 = 2 ** 32;

/** The highest write serial; serials start at 1. */
export const MAX_WRITE_SERIAL = 0xffff_fff0;

/**
 * Fills `into` (whole sectors, no alignment needed) with what write number `writeSerial` (1 to {@link MAX_WRITE_SERIAL})
 * puts at `guestOffset` (bytes, a multiple of 512) under `seed` (an integer).
 */
export function fillGuestData(into: Uint8Array, writeSerial: number, guestOffset: number, seed: number): void {
  const firstSector = guestOffset / SECTOR_BYTES;
  copyFromPool(into, poolOf(seed >>> 0), poolSector(writeSerial, firstSector));
  stampSectors(into, writeSerial, firstSector, seed >>> 0);
}

/** What the stamp of a sector says. `torn`: the stamp is right, the rest of the sector does not belong to it. */
export type SectorContent =
  | { readonly kind: 'zeros' }
  | {
      readonly kind: 'written' | 'torn';
      readonly writeSerial: number;
      readonly guestOffset: number;
      readonly seed: number;
    }
  | { readonly kind: 'foreign' };

/** Tells what the 512 bytes of `sector` are; all of its bytes are looked at. */
export function describeSector(sector: Uint8Array): SectorContent {
  if (sector.every((byte) => byte === 0)) return { kind: 'zeros' };
  const view = new DataView(sector.buffer, sector.byteOffset, SECTOR_BYTES);
  const seed = view.getUint32(4, true);
  const writeSerial = view.getUint32(8, true);
  const low = view.getUint32(12, true);
  const high = view.getUint32(16, true);
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(20, true) !== checkOf(seed, writeSerial, low, high)) {
    return { kind: 'foreign' };
  }
  const guestOffset = (high * TWO_POW_32 + low) * SECTOR_BYTES;
  const expected = new Uint8Array(SECTOR_BYTES);
  fillGuestData(expected, writeSerial, guestOffset, seed);
  const kind = Buffer.compare(expected, sector) === 0 ? 'written' : 'torn';
  return { kind, writeSerial, guestOffset, seed };
}

/** The content of a sector in words, for messages. */
export function sectorText(content: SectorContent, seed: number): string {
  if (content.kind === 'zeros') return 'zeros';
  if (content.kind === 'foreign') return 'bytes that no guest wrote';
  const origin = content.seed === seed >>> 0 ? '' : ` of seed ${content.seed}`;
  const text = `write ${content.writeSerial}${origin} at guest offset ${content.guestOffset}`;
  return content.kind === 'torn' ? `a torn sector of ${text}` : text;
}

function copyFromPool(into: Uint8Array, pool: Uint8Array, sector: number): void {
  let from = sector * SECTOR_BYTES;
  for (let done = 0; done < into.length; ) {
    const bytes = Math.min(into.length - done, POOL_BYTES - from);
    into.set(pool.subarray(from, from + bytes), done);
    done += bytes;
    from = 0;
  }
}

function stampSectors(into: Uint8Array, writeSerial: number, firstSector: number, seed: number): void {
  const view = new DataView(into.buffer, into.byteOffset, into.length);
  let low = firstSector % TWO_POW_32;
  let high = Math.floor(firstSector / TWO_POW_32);
  for (let at = 0; at + STAMP_BYTES <= into.length; at += SECTOR_BYTES) {
    view.setUint32(at, MAGIC, true);
    view.setUint32(at + 4, seed, true);
    view.setUint32(at + 8, writeSerial, true);
    view.setUint32(at + 12, low, true);
    view.setUint32(at + 16, high, true);
    view.setUint32(at + 20, checkOf(seed, writeSerial, low, high), true);
    if (++low === TWO_POW_32) {
      low = 0;
      high++;
    }
  }
}

function checkOf(seed: number, writeSerial: number, low: number, high: number): number {
  return mix32(low ^ Math.imul(writeSerial, 0x9e3779b1) ^ Math.imul(high, 0x85ebca77) ^ seed);
}

/** Where in the pool a sector's content begins: neighbours are neighbours, writes are far apart. */
function poolSector(writeSerial: number, guestSector: number): number {
  return (guestSector + mix32(writeSerial)) % POOL_SECTORS;
}

let lastPool: { readonly seed: number; readonly bytes: Uint8Array } | undefined;

function poolOf(seed: number): Uint8Array {
  if (lastPool?.seed === seed) return lastPool.bytes;
  const prng = new Prng(seed);
  const words = new Uint32Array(POOL_BYTES / Uint32Array.BYTES_PER_ELEMENT);
  for (let index = 0; index < words.length; index++) words[index] = prng.uint32();
  lastPool = { seed, bytes: new Uint8Array(words.buffer) };
  return lastPool.bytes;
}

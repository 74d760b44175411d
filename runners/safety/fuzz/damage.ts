/**
 * What is done to a good image: patches, and another end of the file. The damage number `index` of a seed is always the same.
 *
 * Half of the numbers walk through every field of every image with every boundary value; the other half damage one to eight
 * places at random, fields or bytes without aim.
 */
import { Prng } from '../../../workloads/prng.ts';
import { boundaryValues } from './boundary-values.ts';
import type { ImageField, LaidOutImage } from './image-fields.ts';

export interface Patch {
  /** What it aims at, for people and for counting what was covered. */
  readonly name: string;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface Damage {
  readonly patches: readonly Patch[];
  /** Size of the damaged file. */
  readonly sizeBytes: number;
}

/** A step that visits every field and value of an image before it comes back: a prime that no count of them is a multiple of. */
const WALK_STRIDE = 1_000_003;
/** A check takes memory and time by the size of the file: larger claims only where it refuses them. */
const LARGE_CLAIM_BYTES = 2 ** 28;
const HUGE_CLAIM_BYTES = 2 ** 48;

/** Damage number `index` (a whole number from 0) of `target`. */
export function damageOf(target: LaidOutImage, index: number, seed: number): Damage {
  const prng = new Prng(seed * 2 ** 32 + index);
  if (index % 2 === 0) return { patches: [systematic(target, index / 2)], sizeBytes: target.bytes.length };
  const count = prng.chance(0.5) ? 1 : prng.between(2, 8);
  const patches = Array.from({ length: count }, () => anyPatch(target, prng)).filter((patch) => patch !== null);
  return { patches, sizeBytes: prng.chance(0.12) ? anySize(target, prng) : target.bytes.length };
}

function systematic(target: LaidOutImage, walked: number): Patch {
  const { fields } = target.layout;
  const valueCount = boundaryValues(target, fields[0]!).length;
  const place = (walked * WALK_STRIDE) % (fields.length * valueCount);
  const field = fields[place % fields.length]!;
  return fieldPatch(field, boundaryValues(target, field)[Math.floor(place / fields.length)]!);
}

function anyPatch(target: LaidOutImage, prng: Prng): Patch | null {
  const kind = prng.fraction();
  if (kind < 0.55) return anyFieldPatch(target, prng);
  if (kind < 0.7) return flippedBit(target, prng);
  if (kind < 0.85) return randomBytes(target, prng);
  if (kind < 0.95) return filledTable(target, prng);
  return copiedCluster(target, prng);
}

function anyFieldPatch(target: LaidOutImage, prng: Prng): Patch {
  const field = prng.pick(target.layout.fields);
  if (prng.chance(0.3)) return fieldPatch(field, anyUint64(prng));
  return fieldPatch(field, prng.pick(boundaryValues(target, field)));
}

function flippedBit(target: LaidOutImage, prng: Prng): Patch {
  const field = prng.pick(target.layout.fields);
  const bytes = target.bytes.slice(field.offset, field.offset + field.widthBytes);
  const at = prng.below(bytes.length);
  bytes[at]! ^= 2 ** prng.below(8);
  return { name: field.name, offset: field.offset, bytes };
}

function randomBytes(target: LaidOutImage, prng: Prng): Patch {
  const [from, to] = prng.pick(target.layout.metadata);
  const offset = prng.between(from, to - 1);
  const bytes = new Uint8Array(Math.min(to - offset, prng.between(1, 16)));
  for (let at = 0; at < bytes.length; at++) bytes[at] = prng.below(256);
  return { name: 'random bytes', offset, bytes };
}

/** A whole table full of one entry: many references to one place, or garbage everywhere. */
function filledTable(target: LaidOutImage, prng: Prng): Patch {
  const [from, to] = prng.pick(target.layout.metadata);
  const field = prng.pick(target.layout.fields);
  const entry = new Uint8Array(8);
  const source = prng.below(4);
  if (source === 0) entry.fill(0xff);
  else if (source === 1) new DataView(entry.buffer).setBigUint64(0, anyUint64(prng));
  else if (source === 2) entry.set(target.bytes.subarray(field.offset, field.offset + 8));
  const bytes = new Uint8Array(to - from);
  for (let at = 0; at < bytes.length; at++) bytes[at] = entry[at % 8]!;
  return { name: 'filled table', offset: from, bytes };
}

function copiedCluster(target: LaidOutImage, prng: Prng): Patch | null {
  const { clusterBytes, structures } = target.layout;
  const from = prng.pick(structures);
  const bytes = target.bytes.slice(from, from + clusterBytes);
  return bytes.length === 0 ? null : { name: 'copied cluster', offset: prng.pick(structures), bytes };
}

/** Cut at or next to a structure's start, cut anywhere, or far larger than it is. */
function anySize(target: LaidOutImage, prng: Prng): number {
  const kind = prng.below(4);
  if (kind === 0) return prng.below(target.bytes.length);
  if (kind === 1) return prng.chance(0.2) ? HUGE_CLAIM_BYTES : prng.between(target.bytes.length, LARGE_CLAIM_BYTES);
  return Math.max(0, prng.pick(target.layout.structures) + prng.pick([-1, 0, 1, 8, 512]));
}

function fieldPatch({ name, offset, widthBytes }: ImageField, value: bigint): Patch {
  const whole = new Uint8Array(8);
  new DataView(whole.buffer).setBigUint64(0, BigInt.asUintN(64, value));
  return { name, offset, bytes: whole.slice(8 - widthBytes) };
}

function anyUint64(prng: Prng): bigint {
  const value = BigInt(prng.uint32()) * 2n ** 32n + BigInt(prng.uint32());
  return value / 2n ** BigInt(prng.below(64));
}

/**
 * The header extension area: a list of (type, length, data padded to 8 bytes) ended by type 0
 * (qcow2.rst, "Header extensions", "Feature name table").
 */
import { corrupt, type Qcow2Error } from '../base/errors.ts';
import { roundUp } from '../base/units.ts';
import { EXTENSION } from './header-fields.ts';

export interface HeaderExtension {
  readonly type: number;
  readonly data: Uint8Array;
}

export type FeatureKind = 'incompatible' | 'compatible' | 'autoclear';

/** One row of the feature name table: what to call bit `bit` in a message. */
export interface FeatureName {
  readonly kind: FeatureKind;
  readonly bit: number;
  readonly name: string;
}

/** The names that new version 3 images carry. */
export const STANDARD_FEATURE_NAMES: readonly FeatureName[] = [
  { kind: 'incompatible', bit: 0, name: 'dirty bit' },
  { kind: 'incompatible', bit: 1, name: 'corrupt bit' },
  { kind: 'incompatible', bit: 2, name: 'external data file' },
  { kind: 'incompatible', bit: 3, name: 'compression type' },
  { kind: 'incompatible', bit: 4, name: 'extended L2 entries' },
  { kind: 'compatible', bit: 0, name: 'lazy refcounts' },
  { kind: 'autoclear', bit: 0, name: 'bitmaps' },
  { kind: 'autoclear', bit: 1, name: 'raw external data' },
];

const FEATURE_KINDS: readonly FeatureKind[] = ['incompatible', 'compatible', 'autoclear'];
const FEATURE_NAME_BYTES = 48;

/** The extensions in [start, end) of `bytes`, data copied. Throws CORRUPT when one does not fit. */
export function decodeExtensions(bytes: Uint8Array, start: number, end: number, fileName: string): HeaderExtension[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const extensions: HeaderExtension[] = [];
  let offset = start;
  while (offset < end) {
    if (end - offset < 8) throw extensionTooLarge(fileName, offset, end - offset);
    const type = view.getUint32(offset);
    const length = view.getUint32(offset + 4);
    if (length > end - offset - 8) throw extensionTooLarge(fileName, offset, length);
    if (type === EXTENSION.end) break;
    extensions.push({ type, data: bytes.slice(offset + 8, offset + 8 + length) });
    offset += 8 + roundUp(length, 8);
  }
  return extensions;
}

function extensionTooLarge(fileName: string, offset: number, found: number): Qcow2Error {
  const why = `header extension at offset ${offset} too large (${found} bytes)`;
  return corrupt(fileName, why, { table: 'header', offset, found });
}

/** Bytes that {@link encodeExtensions} needs, the end marker included. */
export function extensionsLength(extensions: readonly HeaderExtension[]): number {
  return extensions.reduce((sum, extension) => sum + 8 + roundUp(extension.data.length, 8), 8);
}

/** Writes the extensions and the end marker at byte `start` of `into`, which is zero there and large enough. */
export function encodeExtensions(extensions: readonly HeaderExtension[], into: Uint8Array, start: number): void {
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  let offset = start;
  for (const { type, data } of extensions) {
    view.setUint32(offset, type);
    view.setUint32(offset + 4, data.length);
    into.set(data, offset + 8);
    offset += 8 + roundUp(data.length, 8);
  }
}

/** Rows of a feature name table; rows of an unknown kind and a trailing partial row are dropped: they only serve messages. */
export function decodeFeatureNames(data: Uint8Array): FeatureName[] {
  const names: FeatureName[] = [];
  for (let row = 0; row + FEATURE_NAME_BYTES <= data.length; row += FEATURE_NAME_BYTES) {
    const kind = FEATURE_KINDS[data[row]!];
    const text = data.subarray(row + 2, row + FEATURE_NAME_BYTES);
    const end = text.indexOf(0);
    const name = new TextDecoder().decode(end < 0 ? text : text.subarray(0, end));
    if (kind !== undefined) names.push({ kind, bit: data[row + 1]!, name });
  }
  return names;
}

/** The feature name table's data; names are cut at 46 bytes. */
export function encodeFeatureNames(names: readonly FeatureName[]): Uint8Array {
  const data = new Uint8Array(names.length * FEATURE_NAME_BYTES);
  names.forEach(({ kind, bit, name }, index) => {
    const row = index * FEATURE_NAME_BYTES;
    data[row] = FEATURE_KINDS.indexOf(kind);
    data[row + 1] = bit;
    data.set(new TextEncoder().encode(name).subarray(0, FEATURE_NAME_BYTES - 2), row + 2);
  });
  return data;
}

/** What to call a feature bit: the image's own word for it with control characters removed, or "unknown feature (bit n)". */
export function featureName(names: readonly FeatureName[], kind: FeatureKind, bit: number): string {
  const found = names.find((row) => row.kind === kind && row.bit === bit);
  const name = found?.name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
  return name === undefined || name === '' ? `unknown feature (bit ${bit})` : name;
}

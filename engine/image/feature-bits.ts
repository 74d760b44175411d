/**
 * The feature bits that change while an image is open: dirty, corrupt, and autoclear (qcow2.rst, "Header").
 * Version 2 images have none; what would be recorded there is then known only to this process.
 */
import { Pointer } from '../cache/ordering.ts';
import type { CachePolicy } from '../cache/policy.ts';
import { AUTOCLEAR, HEADER_FIELDS, type Header, INCOMPATIBLE } from '../format/header.ts';

export class FeatureBits {
  readonly #policy: CachePolicy;
  readonly #version: 2 | 3;
  #incompatible: bigint;
  #autoclear: bigint;

  constructor(policy: CachePolicy, header: Header) {
    this.#policy = policy;
    this.#version = header.version;
    this.#incompatible = header.incompatibleFeatures;
    this.#autoclear = header.autoclearFeatures;
  }

  get dirty(): boolean {
    return (this.#incompatible & INCOMPATIBLE.dirty) !== 0n;
  }

  get autoclear(): bigint {
    return this.#autoclear;
  }

  /** Durably, before the first reference whose refcount may be missing from the file. */
  setDirty(): void {
    if (!this.dirty) this.#writeIncompatible(this.#incompatible | INCOMPATIBLE.dirty);
  }

  /** Only when every refcount is durable. */
  clearDirty(): void {
    if (this.dirty) this.#writeIncompatible(this.#incompatible & ~INCOMPATIBLE.dirty);
  }

  setCorrupt(): void {
    this.#incompatible |= INCOMPATIBLE.corrupt;
    this.#write(HEADER_FIELDS.incompatibleFeatures, this.#incompatible);
  }

  setAutoclear(bits: bigint): void {
    this.#autoclear = bits;
    this.#write(HEADER_FIELDS.autoclearFeatures, bits);
  }

  /** In the file first: refcounts rely on a dirty bit that is set there. */
  #writeIncompatible(bits: bigint): void {
    this.#write(HEADER_FIELDS.incompatibleFeatures, bits);
    this.#incompatible = bits;
  }

  #write(offset: number, bits: bigint): void {
    if (this.#version === 2) return;
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, bits);
    this.#policy.publishNow(new Pointer('header', offset, bytes));
  }
}

/**
 * The autoclear bits that a writer may leave set: raw external data, which is kept so, and bitmaps, which note what
 * changes. Whatever else is set stands for something that this writer does not keep up to date.
 */
export function knownAutoclear(bits: bigint): bigint {
  return bits & (AUTOCLEAR.rawExternalData | AUTOCLEAR.bitmaps);
}

/** Before the first change of an image that is open for writing. */
export function clearUnknownAutoclear(features: FeatureBits): void {
  const kept = knownAutoclear(features.autoclear);
  if (features.autoclear !== kept) features.setAutoclear(kept);
}

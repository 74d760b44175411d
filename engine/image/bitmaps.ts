/**
 * Persistent dirty bitmaps of an open image. Those that are enabled (flag `auto`) get a bit for every part of the disk that changes.
 * What changes is kept in memory and stored when the image is closed; from before the first change until then the stored ones
 * are marked in use, so that after a crash nobody trusts a bitmap that misses a change.
 */
import { Qcow2Error } from '../base/errors.ts';
import type { ByteRange } from '../disk/device.ts';
import { BITMAP_FLAGS } from '../format/bitmap-directory.ts';
import { AUTOCLEAR, type Header } from '../format/header.ts';
import { BitmapEditor, usableBits } from './bitmap-editor.ts';
import {
  type BitmapParts,
  dropBitmaps,
  type LoadedBitmap,
  loadBitmaps,
  markInUse,
  storeBitmaps,
} from './bitmap-storage.ts';

export interface DirtyBitmapsParts extends BitmapParts {
  readonly header: Pick<Header, 'version'>;
}

export class DirtyBitmaps {
  readonly #parts: DirtyBitmapsParts;
  #loaded: LoadedBitmap[] | null = null;
  readonly #inUse = new Set<LoadedBitmap>();

  constructor(parts: DirtyBitmapsParts) {
    this.#parts = parts;
  }

  /** Before a change of the disk: the enabled ones note it. Damaged ones are dropped. */
  changing(offset: number, lengthBytes: number): void {
    if (!this.#isKept) return;
    for (const { bits } of this.#toChange(isEnabled)) bits?.set(offset, offset + lengthBytes);
  }

  /** Before the disk gets another size. @throws Qcow2Error INVALID_ARGUMENT while there is one that cannot follow. */
  resizing(): void {
    if (!this.#isKept) return;
    const stuck = this.#toChange(() => true).find(({ bits }) => bits === null);
    if (stuck === undefined) return;
    const message = `${this.#parts.file.name}: the persistent bitmap ${JSON.stringify(stuck.entry.name)} is inconsistent and cannot get another size; remove it first`;
    throw new Qcow2Error('INVALID_ARGUMENT', message);
  }

  /** After the disk got its new size. */
  resized(): void {
    for (const { bits } of this.#inUse) bits?.resize(this.#parts.vars.sizeBytes);
  }

  /** Before another disk takes the place of this one. */
  replacing(): void {
    if (this.#isKept) this.#toChange(() => true);
  }

  /** After it did, with any size. */
  replaced(): void {
    this.resized();
    for (const bitmap of this.#inUse) if (isEnabled(bitmap)) bitmap.bits?.setAll();
  }

  /** Stores what was noted; those that were in use no longer are. */
  store(): void {
    if (this.#inUse.size === 0 || this.#loaded === null || !this.#isKept) return;
    storeBitmaps(this.#parts, this.#loaded);
    this.#forget();
  }

  /** Stores what `change` makes of them; when it throws, nothing changes. */
  edit(change: (editor: BitmapEditor) => void): void {
    const { file, header, geometry, vars } = this.#parts;
    if (header.version === 2)
      throw new Qcow2Error('UNSUPPORTED', `${file.name}: a version 2 image cannot have persistent bitmaps`);
    this.store();
    const editor = new BitmapEditor(file, vars.sizeBytes, geometry.clusterBytes, loadBitmaps(file));
    change(editor);
    storeBitmaps(this.#parts, editor.bitmaps);
    this.#forget();
  }

  /** What the bitmap says has changed. @throws Qcow2Error INVALID_ARGUMENT when there is none of that name, or it is inconsistent. */
  ranges(name: string): Iterable<ByteRange> {
    const { file } = this.#parts;
    return usableBits(this.#loaded ?? loadBitmaps(file), name).ranges();
  }

  get #isKept(): boolean {
    return (this.#parts.features.autoclear & AUTOCLEAR.bitmaps) !== 0n;
  }

  #forget(): void {
    this.#loaded = null;
    this.#inUse.clear();
  }

  /** Those that `isChanged` picks, marked in use in the file. Damaged ones are dropped. */
  #toChange(isChanged: (bitmap: LoadedBitmap) => boolean): LoadedBitmap[] {
    const { file } = this.#parts;
    try {
      this.#loaded ??= loadBitmaps(file);
    } catch (error) {
      if (!(error instanceof Qcow2Error && error.code === 'CORRUPT')) throw error;
      dropBitmaps(this.#parts);
      return [];
    }
    const chosen = this.#loaded.filter(isChanged);
    if (chosen.every((bitmap) => this.#inUse.has(bitmap))) return chosen;
    markInUse(file, this.#loaded, (bitmap) => chosen.includes(bitmap) || this.#inUse.has(bitmap));
    for (const bitmap of chosen) this.#inUse.add(bitmap);
    return chosen;
  }
}

function isEnabled({ entry }: LoadedBitmap): boolean {
  return (entry.flags & BITMAP_FLAGS.auto) !== 0;
}

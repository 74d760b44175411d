/**
 * Images that lie, for tests: a small good image, the places of its structures, and what must hold for each that is changed: one
 * line of error, no write to an image that is refused, no harm to metadata by a write that is refused.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Qcow2Error } from '../base/errors.ts';
import { createImage } from '../image/create.ts';
import { openImage, type Qcow2Image } from '../image/qcow2-image.ts';
import type { BlockFile } from '../io/block-file.ts';
import { MemoryFile } from '../io/memory-file.ts';

export const CLUSTER = 4096;
export const COPIED = 1n << 63n;
export const COMPRESSED = 1n << 62n;
const SIZE_BYTES = 4 * 1024 ** 2;
const INCOMPATIBLE_LOW_BYTE = 79;

/** Data in cluster 0, compressed cluster 1, nothing in cluster 2; clusters 0 and 1 shared with snapshot `first`, 3 not shared. */
export function goodImage(version: 2 | 3 = 3): Uint8Array<ArrayBuffer> {
  const file = new MemoryFile('disk');
  createImage(file, { sizeBytes: SIZE_BYTES, clusterSizeBytes: CLUSTER, version });
  const image = openImage(file);
  image.write(0, new Uint8Array(CLUSTER).fill(1));
  image.writeCompressed(CLUSTER, new Uint8Array(CLUSTER).fill(2));
  image.createSnapshot({ name: 'first', dateSeconds: 0 });
  image.write(3 * CLUSTER, new Uint8Array(CLUSTER).fill(3));
  image.close();
  return Uint8Array.from(file.bytes());
}

/** Byte offsets of the structures of {@link goodImage}. */
export class Places {
  readonly view: DataView;
  constructor(view: DataView) {
    this.view = view;
  }
  get l1(): number {
    return this.pointer(40);
  }
  get l2(): number {
    return this.pointer(this.l1);
  }
  get refcountTable(): number {
    return this.pointer(48);
  }
  get refcountBlock(): number {
    return this.pointer(this.refcountTable);
  }
  get snapshots(): number {
    return this.pointer(64);
  }
  get snapshotL1(): number {
    return this.pointer(this.snapshots);
  }
  get end(): number {
    return Math.ceil(this.view.byteLength / CLUSTER) * CLUSTER;
  }
  pointer(at: number): number {
    return Number(this.view.getBigUint64(at) & 0x00ff_ffff_ffff_fe00n);
  }
  point(at: number, to: number, flags = COPIED): void {
    this.view.setBigUint64(at, BigInt(to) + flags);
  }
}

export type Change = (p: Places) => void;
export type Act = (image: Qcow2Image) => void;

export const read: Act = (image) => image.read(0, new Uint8Array(4 * CLUSTER));
export const writeMapped: Act = (image) => image.write(3 * CLUSTER, new Uint8Array(512));
export const writeNew: Act = (image) => image.write(2 * CLUSTER, new Uint8Array(512));
export const create: Act = (image) => void image.createSnapshot({ name: 'new', dateSeconds: 0 });
export const apply: Act = (image) => image.applySnapshot('first');
export const remove: Act = (image) => image.deleteSnapshot('first');

export interface Malformed {
  readonly name: string;
  readonly change: Change;
  /** What is tried; nothing when opening is refused. */
  readonly act?: Act;
  /** The whole error message; null where the image works. */
  readonly says: string | null;
  /** Whether the image is marked corrupt by it. */
  readonly marks?: boolean;
  readonly version?: 2;
}

/** Defines one test for each. */
export function testMalformed(list: readonly Malformed[]): void {
  for (const row of list) {
    test(`malformed image: ${row.name}`, () => {
      const bytes = goodImage(row.version);
      row.change(new Places(new DataView(bytes.buffer)));
      const readOnly = attempt(new MemoryFile('disk', bytes, { readOnly: true }), row.act);
      if (row.act === undefined || row.act === read) assert.equal(readOnly.error, row.says);
      const file = new MemoryFile('disk', bytes);
      const { error, wasRefused } = attempt(file, row.act);
      assert.equal(error, row.says);
      assert.equal(wasRefused, row.act === undefined, 'refused at open');
      if (wasRefused) assert.deepEqual(file.bytes(), bytes, 'an image that is refused is not written to');
      assert.equal(isMarkedCorrupt(file.bytes()), row.marks ?? false, 'marked corrupt');
      if (row.marks) refusesMore(file, bytes);
    });
  }
}

/** Opens, acts and closes; what fails must be a Qcow2Error of one line. */
function attempt(file: BlockFile, act: Act | undefined): { error: string | null; wasRefused: boolean } {
  let image: Qcow2Image | null = null;
  try {
    image = openImage(file, { policy: 'writeback' });
    act?.(image);
    image.flush();
    return { error: null, wasRefused: false };
  } catch (error) {
    assert.ok(error instanceof Qcow2Error, `not a Qcow2Error: ${error instanceof Error ? error.stack : error}`);
    assert.match(error.message, /^[\x20-\x7e]+$/);
    return { error: error.message, wasRefused: image === null };
  } finally {
    closeQuietly(image);
  }
}

/** After a refused write, closing may fail for the same reason, and for no other. */
function closeQuietly(image: Qcow2Image | null): void {
  try {
    image?.close();
  } catch (error) {
    assert.ok(error instanceof Qcow2Error, String(error));
  }
}

function isMarkedCorrupt(bytes: Uint8Array): boolean {
  return Math.floor(bytes[INCOMPATIBLE_LOW_BYTE]! / 2) % 2 === 1 && bytes[7] === 3;
}

/** Nothing but the mark was changed of the metadata, and the image no longer opens for writing. */
function refusesMore(file: MemoryFile, before: Uint8Array<ArrayBuffer>): void {
  const after = file.bytes();
  const p = new Places(new DataView(before.buffer));
  for (const [name, at] of Object.entries({ header: 0, l1: p.l1, table: p.refcountTable, snapshots: p.snapshots })) {
    const expected = before.slice(at, at + CLUSTER);
    if (at === 0) expected[INCOMPATIBLE_LOW_BYTE]! += 2;
    assert.deepEqual(after.slice(at, at + CLUSTER), expected, `${name} is as it was`);
  }
  assert.throws(() => openImage(file), {
    name: 'Qcow2Error',
    message: 'disk: image is marked corrupt and cannot be opened for writing; check and repair it first',
  });
  openImage(new MemoryFile('disk', after, { readOnly: true })).close();
}

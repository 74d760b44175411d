/** Guest data, and tables, that cannot be written: nothing is leaked, however often it is tried, and what was there is still there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Qcow2Error } from '../base/errors.ts';
import { KiB, MiB } from '../base/units.ts';
import { policyNamed, policyNames } from '../cache/policies.ts';
import { checkImage } from '../check/check-image.ts';
import type { TableKind } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { type CreateOptions, createImage } from './create.ts';
import { openImage, type Qcow2Image } from './qcow2-image.ts';

/** A file with space for a limited number of bytes more; what is written past that is cut off. */
class FullFile extends ForwardingFile {
  room = Infinity;
  failingKinds: ReadonlySet<TableKind> = new Set(['data']);
  onWrite: (kind: TableKind) => void = () => {};

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    this.onWrite(kind);
    if (!this.failingKinds.has(kind)) return this.inner.write(offset, from, kind);
    if (from.length <= this.room) {
      this.room -= from.length;
      return this.inner.write(offset, from, kind);
    }
    const written = this.room - (this.room % 512);
    this.room = 0;
    if (written > 0) this.inner.write(offset, from.subarray(0, written), kind);
    throw new Qcow2Error('NO_SPACE', 'no space left on device');
  }
}

const filled = (lengthBytes: number, byte: number) => new Uint8Array(lengthBytes).fill(byte);
/** Bytes of which one in four is random, so that they compress to less than half. */
function packable(lengthBytes: number): Uint8Array {
  let state = 1;
  const random = () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 24;
  return Uint8Array.from({ length: lengthBytes }, (_, at) => (at % 4 === 0 ? random() : 0));
}

interface Trial {
  readonly title: string;
  readonly create?: Partial<CreateOptions>;
  readonly act: (image: Qcow2Image) => void;
  readonly room: number;
  readonly kinds?: readonly TableKind[];
}

const TRIALS: readonly Trial[] = [
  { title: 'one cluster', act: (image) => image.write(4 * MiB, filled(64 * KiB, 7)), room: 0 },
  { title: '1 MiB, ENOSPC in its middle', act: (image) => image.write(4 * MiB, filled(MiB, 7)), room: 500 * KiB },
  { title: 'over shared clusters', act: (image) => image.write(0, filled(MiB, 7)), room: 100 * KiB },
  { title: 'copy-on-write alone', act: (image) => image.write(512, filled(512, 7)), room: 0, kinds: ['cow'] },
  {
    title: 'subclusters',
    create: { extendedL2: true },
    act: (image) => image.write(4 * MiB + 512, filled(512 * KiB, 7)),
    room: 0,
  },
  { title: 'compressed clusters', act: (image) => packCompressed(image), room: 40 * KiB },
  { title: 'zeros in part of a shared cluster', act: (image) => image.writeZeroes(512, 1024), room: 0 },
];

function packCompressed(image: Qcow2Image): void {
  for (let at = 4 * MiB; at < 5 * MiB; at += 64 * KiB) image.writeCompressed(at, packable(64 * KiB));
}

function imageWith(create: Partial<CreateOptions> = {}): MemoryFile {
  const file = new MemoryFile('disk');
  createImage(file, { sizeBytes: 8 * MiB, ...create });
  const image = openImage(file);
  image.write(0, filled(MiB, 1));
  image.createSnapshot({ name: 'first' });
  image.close();
  return file;
}

for (const policy of policyNames()) {
  test(`${policy}: a data write that fails ten times leaks no cluster`, () => {
    // Copies are no writes of their own where they are merged with the data.
    const merged = policyNamed(policy).behaviour.copyOnWrite === 'merged';
    for (const { title, create, act, room, kinds } of TRIALS.filter(({ kinds }) => !(merged && kinds?.[0] === 'cow'))) {
      const bytes = imageWith(create);
      const file = new FullFile(bytes);
      file.failingKinds = new Set(kinds ?? ['data']);
      const image = openImage(file, { policy });
      const before = new Uint8Array(8 * MiB);
      image.read(0, before);
      for (let attempt = 0; attempt < 10; attempt++) {
        file.room = room;
        assert.throws(() => act(image), { code: 'NO_SPACE' }, title);
      }
      file.room = Infinity;
      // What a part of the request did reach is new; everything else reads as before.
      const after = new Uint8Array(8 * MiB);
      image.read(0, after);
      for (let at = 0; at < after.length; at += 4096) {
        if (after[at] !== before[at]) assert.notEqual(room, 0, `${title}: offset ${at}`);
      }
      image.flush();
      image.close();
      const report = checkImage(bytes);
      assert.deepEqual([report.leaks, report.corruptions, report.copiedErrors], [0, 0, 0], `${policy}: ${title}`);
      const again = openImage(bytes);
      act(again);
      again.close();
      assert.equal(checkImage(bytes).leaks, 0);
    }
  });
}

/** Requests of a guest, and growing: what snapshot operations that fail for good leave is for their own tests. */
const REQUESTS: readonly (readonly [string, (image: Qcow2Image) => void])[] = [
  ['new clusters under a new table', (image) => image.write(3 * MiB, filled(2 * MiB, 7))],
  ['a copy of a shared table', (image) => image.write(512, filled(512, 7))],
  ['a compressed cluster', (image) => image.writeCompressed(4 * MiB, filled(4096, 7))],
  ['a discard of shared clusters', (image) => void image.discard(0, MiB)],
  ['a longer L1 table', (image) => image.resize(64 * MiB)],
];

for (const policy of policyNames()) {
  test(`${policy}: a table write that fails ten times leaks no cluster`, () => {
    let failures = 0;
    for (const kind of ['l2', 'l1', 'refcount-block', 'refcount-table', 'header'] as const) {
      for (const [title, act] of REQUESTS) {
        // The dirty bit is the only thing in the header that a request may need.
        const bytes = imageWith({ clusterSizeBytes: 4096, lazyRefcounts: kind === 'header' });
        const file = new FullFile(bytes);
        file.failingKinds = new Set([kind]);
        const image = openImage(file, { policy });
        file.room = 0;
        for (let attempt = 0; attempt < 10; attempt++) failures += failsToWrite(image, act) ? 1 : 0;
        file.room = Infinity;
        let isSealed = false;
        try {
          act(image);
          image.close();
        } catch (error) {
          // History frees a shared table before it copies it: where that cannot be rolled back, nothing more is written.
          assert.match(String(error), /failed half-way/, `${kind}: ${title}`);
          isSealed = true;
        }
        const { leaks, corruptions } = checkImage(bytes);
        assert.deepEqual([leaks, corruptions], [0, 0], `${kind}: ${title}${isSealed ? ' (sealed)' : ''}`);
      }
    }
    assert.ok(failures > 20, `${failures} failures`);
  });
}

function failsToWrite(image: Qcow2Image, act: (image: Qcow2Image) => void): boolean {
  try {
    act(image);
    image.flush();
    return false;
  } catch (error) {
    if (error instanceof Qcow2Error) return true;
    throw error;
  }
}

for (const policy of policyNames()) {
  test(`${policy}: what shares a cluster with a stream that cannot be written, nor its refcount, keeps its reference`, () => {
    const inner = new MemoryFile('image');
    createImage(inner, { sizeBytes: 4 * MiB, clusterSizeBytes: 64 * KiB });
    const file = new FullFile(inner);
    file.failingKinds = new Set(['data', 'refcount-block']);
    const image = openImage(file, { policy });
    const kept = packable(64 * KiB);
    image.writeCompressed(0, kept);
    image.flush();
    for (let tries = 0; tries < 3; tries++) {
      // The counts of the stream are raised in the file, then the device fails.
      file.onWrite = (kind) => {
        if (kind === 'data') file.room = 0;
      };
      assert.throws(() => image.writeCompressed(64 * KiB, packable(64 * KiB)), { code: 'NO_SPACE' });
      file.onWrite = () => {};
      file.room = Infinity;
    }
    image.flush();
    image.close();
    const report = checkImage(inner);
    assert.deepEqual([report.corruptions, report.leaks], [0, 0]);
    const again = openImage(inner, { policy });
    const read = new Uint8Array(64 * KiB);
    again.read(0, read);
    assert.deepEqual(read, kept);
    again.close();
  });
}

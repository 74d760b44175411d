/** Zeros for parts of clusters, and writes over what was zeroed: as few bytes as qemu-io stores, and in as few writes. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { KiB, MiB } from '../base/units.ts';
import { checkImage, isClean } from '../check/check-image.ts';
import type { TableKind } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { QemuFolder } from '../testing/qemu-images.ts';
import { type CreateOptions, createImage } from './create.ts';
import { openImage } from './qcow2-image.ts';

const folder = new QemuFolder();
after(() => folder[Symbol.dispose]());

class CountedFile extends ForwardingFile {
  readonly lengths: number[] = [];

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    if (kind === 'data' || kind === 'cow') this.lengths.push(from.length);
    this.inner.write(offset, from, kind);
  }
}

/** 4 MiB: data in the first 1 MiB and in the last 512 bytes of each 64 KiB up to 2 MiB, then zeros. */
function baseBytes(): Uint8Array {
  const bytes = new Uint8Array(4 * MiB);
  bytes.fill(5, 0, MiB);
  for (let at = MiB; at < 2 * MiB; at += 64 * KiB) bytes.fill(6, at + 64 * KiB - 512, at + 64 * KiB);
  return bytes;
}

/** Offset and length of zeros in an overlay of that, and how many bytes of data are stored for them. */
const PARTS: readonly {
  title: string;
  offset: number;
  length: number;
  stored: number;
  create?: Partial<CreateOptions>;
}[] = [
  { title: 'a part of a cluster of zeros below', offset: 3 * MiB + 4096, length: 8192, stored: 0 },
  { title: 'the same, not on sectors', offset: 3 * MiB + 100, length: 5000, stored: 0 },
  { title: 'all but the zeros of a cluster below', offset: 2 * MiB - 64 * KiB + 32 * KiB, length: 32 * KiB, stored: 0 },
  { title: 'the same, from a byte inside a sector', offset: 2 * MiB - 512 - 7, length: 512 + 7, stored: 0 },
  { title: 'over the end of one such cluster into the next', offset: 2 * MiB - 512, length: 2048, stored: 0 },
  { title: 'a part whose rest is data below', offset: 4096, length: 4096, stored: 64 * KiB },
  { title: 'subclusters', offset: 8 * KiB, length: 6 * KiB, stored: 0, create: { extendedL2: true } },
  {
    title: 'subclusters and a part of one',
    offset: 8 * KiB,
    length: 3 * KiB,
    stored: 2 * KiB,
    create: { extendedL2: true },
  },
];

for (const { title, offset, length, stored, create } of PARTS) {
  test(`write-zeroes of ${title} stores ${stored} bytes`, () => {
    const bytes = new MemoryFile('disk');
    createImage(bytes, { sizeBytes: 4 * MiB, backingFile: 'base', backingFormat: 'raw', ...create });
    const base = baseBytes();
    const backing = {
      sizeBytes: base.length,
      read: (at: number, into: Uint8Array) => into.set(base.subarray(at, at + into.length)),
    };
    const file = new CountedFile(bytes);
    const image = openImage(file, { backing });
    image.writeZeroes(offset, length);
    image.flush();
    assert.equal(
      file.lengths.reduce((sum, each) => sum + each, 0),
      stored,
    );
    const found = new Uint8Array(4 * MiB);
    image.read(0, found);
    assert.deepEqual(found, base.fill(0, offset, offset + length));
    image.close();
    assert.ok(isClean(checkImage(bytes)));
  });
}

test('a write over data, preallocated zeros and data that lie together is one write', () => {
  const bytes = new MemoryFile('disk');
  createImage(bytes, { sizeBytes: 4 * MiB });
  const file = new CountedFile(bytes);
  const image = openImage(file);
  image.write(0, new Uint8Array(320 * KiB).fill(1));
  image.writeZeroes(64 * KiB, 64 * KiB);
  image.writeZeroes(192 * KiB, 128 * KiB);
  file.lengths.length = 0;
  image.write(4096, new Uint8Array(240 * KiB).fill(2));
  image.flush();
  // The rest of the last cluster was zeros and is completed; the first was data and needs nothing.
  assert.deepEqual(file.lengths, [240 * KiB, 12 * KiB]);
  const found = new Uint8Array(320 * KiB);
  image.read(0, found);
  const expected = new Uint8Array(320 * KiB).fill(1, 0, 4096).fill(2, 4096, 244 * KiB);
  assert.deepEqual(found, expected);
  image.close();
  assert.ok(isClean(checkImage(bytes)));
});

/** Numbers that look random, the same for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

for (const options of ['cluster_size=64k', 'cluster_size=4k', 'extended_l2=on,cluster_size=64k']) {
  test(`${options}: random zeros and writes leave the content that qemu-io leaves, in no more clusters`, () => {
    for (let seed = 1; seed <= 3; seed++) {
      const next = numbers(seed);
      folder.write('base.raw', baseBytes());
      folder.img('create', '-q', '-f', 'qcow2', '-o', options, '-b', 'base.raw', '-F', 'raw', 'theirs', '4M');
      const bytes = new MemoryFile('disk', folder.read('theirs'));
      const base = baseBytes();
      const backing = {
        sizeBytes: base.length,
        read: (at: number, into: Uint8Array) => into.set(base.subarray(at, at + into.length)),
      };
      const image = openImage(bytes, { backing });
      const commands: string[] = [];
      for (let step = 0; step < 25; step++) {
        const unit = [512, 2048, 65_536][next(3)]!;
        const offset = unit * next((4 * MiB) / unit - 40);
        const length = unit * (1 + next(40));
        if (next(3) === 0) {
          commands.push(`write -P ${step + 1} ${offset} ${length}`);
          image.write(offset, new Uint8Array(length).fill(step + 1));
        } else {
          commands.push(`write -z ${offset} ${length}`);
          image.writeZeroes(offset, length);
        }
      }
      folder.io('theirs', ...commands);
      image.close();
      folder.write('ours', bytes.bytes());
      assert.ok(Buffer.from(folder.guestBytes('ours')).equals(folder.guestBytes('theirs')), `seed ${seed}`);
      assert.equal(folder.check('ours').exitCode, 0, `seed ${seed}`);
      const allocated = (name: string) => Number(/^(\d+)\/\d+ = /m.exec(folder.img('check', name))?.[1] ?? Number.NaN);
      // Where the base stores zeros, qemu-io does not look at them.
      assert.ok(allocated('ours') <= allocated('theirs'), `seed ${seed}: ${commands.join('; ')}`);
    }
  });
}

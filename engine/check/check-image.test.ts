/** The checker against the real qemu-img: the same image, the same numbers. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { MemoryFile } from '../io/memory-file.ts';
import { QemuFolder } from '../testing/qemu-images.ts';
import { checkImage } from './check-image.ts';
import { checkExitCode, checkJson, formatCheckText } from './check-text.ts';

const folder = new QemuFolder();
after(() => folder[Symbol.dispose]());

interface Case {
  readonly name: string;
  readonly options: string;
  readonly size?: string;
  readonly steps: (image: string) => void;
}

const io =
  (...commands: string[]) =>
  (image: string) =>
    folder.io(image, ...commands);

const mixed = [
  'write 0 100k',
  'write -c 256k 64k',
  'write 1M 32k',
  'write -z 64k 64k',
  'discard 0 64k',
  'write 512k 4k',
];

function withSnapshots(image: string): void {
  folder.io(image, ...mixed);
  folder.img('snapshot', '-c', 'one', image);
  folder.io(image, 'write 0 8k', 'write 1M 100k', 'write -c 192k 64k');
  folder.img('snapshot', '-c', 'two', image);
  folder.io(image, 'write 8k 8k');
  folder.img('snapshot', '-d', 'one', image);
}

const CASES: Case[] = [
  { name: 'version 2', options: 'compat=0.10', steps: withSnapshots },
  { name: 'an empty disk', options: 'compat=1.1', steps: () => {} },
  { name: 'a disk of no size', options: 'compat=1.1', size: '0', steps: () => {} },
  { name: 'clusters of 512 bytes', options: 'cluster_size=512', steps: withSnapshots },
  { name: 'clusters of 4 KiB', options: 'cluster_size=4k', steps: withSnapshots },
  { name: 'clusters of 64 KiB', options: 'cluster_size=64k', steps: withSnapshots },
  { name: 'clusters of 2 MiB', options: 'cluster_size=2M', size: '8M', steps: io('write 0 1M', 'write 4M 4k') },
  { name: 'metadata preallocated', options: 'preallocation=metadata', steps: io('write 0 64k') },
  { name: 'refcounts of 1 bit', options: 'refcount_bits=1,cluster_size=4k', steps: io(...mixed) },
  { name: 'refcounts of 2 bits', options: 'refcount_bits=2,cluster_size=4k', steps: io(...mixed) },
  { name: 'refcounts of 4 bits', options: 'refcount_bits=4,cluster_size=64k', steps: withSnapshots },
  { name: 'refcounts of 8 bits', options: 'refcount_bits=8,cluster_size=1k', steps: withSnapshots },
  { name: 'refcounts of 32 bits', options: 'refcount_bits=32,cluster_size=512', steps: withSnapshots },
  { name: 'refcounts of 64 bits', options: 'refcount_bits=64,cluster_size=512', steps: withSnapshots },
  { name: 'zstd', options: 'compression_type=zstd', steps: io('write -c 0 64k', 'write -c -P 7 64k 64k') },
  { name: 'extended L2 entries', options: 'extended_l2=on', steps: withSnapshots },
  { name: 'extended L2, 16 KiB', options: 'extended_l2=on,cluster_size=16k', steps: withSnapshots },
  { name: 'an external data file', options: 'data_file=data.raw', steps: io('write 0 100k', 'write -z 1M 64k') },
  { name: 'a raw external data file', options: 'data_file=raw.raw,data_file_raw=on', steps: io('write 0 100k') },
  { name: 'a dirty image', options: 'lazy_refcounts=on', steps: io('write 0 200k', 'flush', 'abort') },
  {
    name: 'a backing file',
    options: 'backing_file=base.raw,backing_fmt=raw',
    steps: io('write 100k 4k', 'write -z 1M 64k'),
  },
  {
    name: 'bitmaps',
    options: 'compat=1.1',
    steps: (image) => {
      folder.img('bitmap', '--add', image, 'first');
      folder.img('bitmap', '--add', '-g', '512', image, 'second');
      folder.io(image, 'write 0 300k');
    },
  },
  {
    name: 'failed snapshots, which leak',
    options: 'refcount_bits=2,cluster_size=1k',
    steps: (image) => {
      folder.io(image, 'write 0 100k', 'write -c 512k 64k');
      assert.throws(() => folder.img('snapshot', '-c', 'one', image));
    },
  },
];

const NUMBERS = [
  'image-end-offset',
  'total-clusters',
  'check-errors',
  'corruptions',
  'leaks',
  'allocated-clusters',
  'fragmented-clusters',
  'compressed-clusters',
];

for (const { name, options, size, steps } of CASES) {
  test(`${name}: the numbers of qemu-img check`, () => {
    folder.write('base.raw', new Uint8Array(2 ** 20).fill(5));
    folder.img('create', '-q', '-f', 'qcow2', '-o', options, 'image.qcow2', size ?? '2M');
    steps('image.qcow2');
    const verdict = folder.check('image.qcow2');
    const file = new MemoryFile('image.qcow2', folder.read('image.qcow2'));
    const report = checkImage(file, { verifyCompressed: true });
    const ours = checkJson(report);
    assert.ok(verdict.json !== null, verdict.text);
    const numbersOf = (json: Record<string, unknown>) =>
      Object.fromEntries(NUMBERS.map((key) => [key, json[key] ?? 0]));
    assert.deepEqual(numbersOf(ours), numbersOf(verdict.json));
    assert.equal(checkExitCode(report), verdict.exitCode);
    assert.ok(Buffer.from(file.bytes()).equals(folder.read('image.qcow2')), 'the check wrote');
  });
}

test('text: every finding a line, then a summary', () => {
  folder.img('create', '-q', '-f', 'qcow2', 'text.qcow2', '2M');
  folder.io('text.qcow2', 'write 0 64k');
  const clean = formatCheckText(checkImage(new MemoryFile('text', folder.read('text.qcow2'))));
  const layout = '1/32 = 3.12% allocated, 0.00% fragmented, 0.00% compressed clusters\nImage end offset: 393216\n';
  assert.equal(clean, `No errors were found on the image.\n${layout}`);
  const bytes = folder.read('text.qcow2');
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint16(0x20000 + 2 * 5, 0);
  view.setUint16(0x20000 + 2 * 4, 2);
  const report = checkImage(new MemoryFile('text', bytes), { maxFindings: 2 });
  assert.equal(
    formatCheckText(report),
    [
      'ERROR: entry at 0x30000 has the COPIED flag though its cluster has refcount 2',
      'ERROR: entry at 0x40000 has the COPIED flag though its cluster has refcount 0',
      '... and 2 more',
      '1 error: data may be lost by reading or writing further.',
      '2 wrong COPIED flags, none on a shared cluster.',
      '1 leaked cluster: wasted space, no harm to data.',
      layout,
    ].join('\n'),
  );
});

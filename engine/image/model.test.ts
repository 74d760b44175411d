/**
 * Whatever a guest does, at every cluster size, under every policy and stage, with caches so small that every table is replaced
 * again and again: the image holds what a plain disk would hold, and it is clean for two checkers, ours and qemu-img.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkImage, isClean } from '../check/check-image.ts';
import {
  type CreateOptions,
  createImage,
  GiB,
  type HostCacheMode,
  KiB,
  MemoryFile,
  MiB,
  type OpenOptions,
  type StageId,
  TiB,
} from '../index.ts';
import { ImageUnderTest, imageCommands, type Model, type Place, requireSameDisk } from '../testing/image-commands.ts';
import { QemuFolder } from '../testing/qemu-images.ts';
import { patternBytes, ReferenceDisk } from '../testing/reference-disk.ts';

const SEED = 20110124;
const EXTENDED_L2_CLUSTER_BYTES_MIN = 16 * KiB;

interface Sizes {
  readonly clusterSizeBytes: number;
  readonly sizeBytes: number;
  readonly longestWriteBytes: number;
  readonly runs: number;
}

/** Disks of a dozen L2 tables, so that small caches replace them. */
const SIZES: readonly Sizes[] = [
  { clusterSizeBytes: 512, sizeBytes: 512 * KiB + 1536, longestWriteBytes: 40 * KiB, runs: 50 },
  { clusterSizeBytes: 4 * KiB, sizeBytes: 24 * MiB, longestWriteBytes: 40 * KiB, runs: 50 },
  { clusterSizeBytes: 64 * KiB, sizeBytes: 6 * GiB, longestWriteBytes: 200 * KiB, runs: 40 },
  { clusterSizeBytes: 2 * MiB, sizeBytes: 2 * TiB, longestWriteBytes: 300 * KiB, runs: 10 },
];

/** The format's options, but for what {@link Sizes} and the backing file say. */
type Format = Pick<CreateOptions, 'version' | 'extendedL2' | 'refcountBits' | 'lazyRefcounts' | 'compressionType'>;

interface Setup {
  readonly format: Format;
  /** L2 tables are cached in eight slices each. */
  readonly sliced: boolean;
  readonly options: OpenOptions;
  readonly mode: HostCacheMode;
  readonly backed: boolean;
}

const STAGES: readonly StageId[] = ['S0', 'S1', 'S2', 'S3', 'S4a', 'S4b'];

/** Version 2, which has no options, as often as all of version 3. */
const format: fc.Arbitrary<Format> = fc.oneof(
  fc.record({ version: fc.constant(2 as const) }),
  fc.record({
    version: fc.constant(3 as const),
    extendedL2: fc.boolean(),
    refcountBits: fc.constantFrom(8, 16, 64),
    lazyRefcounts: fc.boolean(),
    compressionType: fc.constantFrom('zlib' as const, 'zstd' as const),
  }),
);

const setup: fc.Arbitrary<Setup> = fc.record({
  format,
  sliced: fc.boolean(),
  mode: fc.constantFrom('writethrough', 'writeback'),
  backed: fc.boolean(),
  options: fc
    .record({
      stage: fc.constantFrom(...STAGES),
      l2CacheTables: fc.option(fc.integer({ min: 2, max: 3 }), { nil: undefined }),
      refcountCacheTables: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    })
    .map(({ stage, ...sizes }) => ({ stage, ...definedOnly(sizes) })),
});

function definedOnly(sizes: Record<string, number | undefined>): OpenOptions {
  return Object.fromEntries(Object.entries(sizes).filter(([, value]) => value !== undefined));
}

/** Places that crowd: near the starts of a few L2 tables, across their borders, and at the end of the disk. */
function places({ clusterSizeBytes, longestWriteBytes }: Sizes, spanBytes: number): fc.Arbitrary<Place> {
  const perTable = (clusterSizeBytes / 8) * clusterSizeBytes;
  const tables = Math.max(1, Math.floor(spanBytes / perTable));
  const near = fc
    .tuple(fc.nat({ max: tables }), fc.integer({ min: -longestWriteBytes, max: 3 * longestWriteBytes }))
    .map(([table, distance]) => table * perTable + distance);
  const length = fc.oneof(
    fc.integer({ min: 1, max: longestWriteBytes }),
    fc.integer({ min: 1, max: longestWriteBytes / 512 }).map((sectors) => sectors * 512),
    fc.constant(Math.min(clusterSizeBytes, longestWriteBytes)),
  );
  const grain = fc.constantFrom(1, 512, clusterSizeBytes);
  return fc.tuple(near, length, grain).map(([rough, lengthBytes, unit]) => {
    const inside = Math.min(Math.max(0, rough), spanBytes - lengthBytes);
    return { offset: Math.floor(inside / unit) * unit, lengthBytes };
  });
}

function makeModel(sizes: Sizes, { backed }: Setup): Model {
  const disk = new ReferenceDisk(sizes.sizeBytes);
  if (backed) disk.write(0, baseBytes(sizes));
  return { disk, vmState: new ReferenceDisk(0) };
}

/** Shorter than the disk, and not whole clusters. */
function baseBytes(sizes: Sizes): Uint8Array {
  return patternBytes(99, Math.min(sizes.sizeBytes / 2, 100 * KiB + 512));
}

function makeImage(sizes: Sizes, { format, options, sliced, mode, backed }: Setup): ImageUnderTest {
  const { clusterSizeBytes, sizeBytes } = sizes;
  const file = new MemoryFile('image', new Uint8Array(0), { writesAreDurable: mode === 'writethrough' });
  const named = backed ? { backingFile: 'base.raw', backingFormat: 'raw' as const } : {};
  const extendedL2 = (format.extendedL2 ?? false) && clusterSizeBytes >= EXTENDED_L2_CLUSTER_BYTES_MIN;
  createImage(file, { ...format, extendedL2, clusterSizeBytes, sizeBytes, ...named });
  const bytes = baseBytes(sizes);
  const base = {
    sizeBytes: bytes.length,
    read: (offset: number, into: Uint8Array) => into.set(bytes.subarray(offset, offset + into.length)),
  };
  const slices = sliced ? { l2CacheEntryBytes: Math.max(512, clusterSizeBytes / 8) } : {};
  return new ImageUnderTest(file, { ...options, ...slices, ...(backed ? { backing: base } : {}) });
}

/** The verdicts on the closed image: our checker's, and qemu-img's on structure and content. */
function judge(folder: QemuFolder, sizes: Sizes, { disk }: Model, { file }: ImageUnderTest): void {
  const report = checkImage(file);
  assert.ok(isClean(report), JSON.stringify(report.findings));
  folder.write('image.qcow2', file.bytes());
  folder.write('base.raw', baseBytes(sizes));
  disk.toRawFile(folder.file('twin.raw'));
  const verdict = folder.check('image.qcow2');
  assert.equal(verdict.exitCode, 0, `qemu-img check: ${verdict.text}${JSON.stringify(verdict.json)}`);
  const words = ['compare', '-f', 'qcow2', '-F', 'raw', 'image.qcow2', 'twin.raw'];
  const { status, stdout, stderr } = spawnSync('qemu-img', words, { cwd: folder.path, encoding: 'utf8' });
  assert.equal(status, 0, `qemu-img compare: ${stdout}${stderr}`);
}

test('a discarded cluster that was never written does not show the backing file', () => {
  const sizes = SIZES[1]!;
  const { image } = makeImage(sizes, {
    format: { version: 3 },
    sliced: false,
    mode: 'writeback',
    backed: true,
    options: {},
  });
  assert.deepEqual(image.discard(4096, 8192), { offset: 4096, lengthBytes: 8192 });
  const found = new Uint8Array(8192).fill(1);
  image.read(4096, found);
  assert.ok(found.every((byte) => byte === 0));
});

for (const sizes of SIZES) {
  test(`clusters of ${sizes.clusterSizeBytes} bytes: the image is a disk`, () => {
    using folder = new QemuFolder();
    const vmPlaces = places(
      sizes,
      Math.min(sizes.sizeBytes, 3 * sizes.clusterSizeBytes * (sizes.clusterSizeBytes / 8)),
    );
    const commands = fc.commands(imageCommands(places(sizes, sizes.sizeBytes), vmPlaces), {
      maxCommands: 50,
      size: 'max',
    });
    const property = fc.property(setup, commands, (how, list) => {
      const model = makeModel(sizes, how);
      const under = makeImage(sizes, how);
      fc.modelRun(() => ({ model, real: under }), list);
      requireSameDisk(model, under);
      under.reopen();
      requireSameDisk(model, under);
      under.image.close();
      judge(folder, sizes, model, under);
    });
    fc.assert(property, { seed: SEED, numRuns: sizes.runs });
  });
}

/**
 * Every feature that an image can be created with × cluster sizes × policies: random requests against a plain disk, judged by
 * our checker and by qemu-img (check, compare, map); then qemu-io continues, and we read what it wrote and continue ourselves.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { KiB, MiB } from '../base/units.ts';
import { type PolicyName, policyNamed, policyNames } from '../cache/policies.ts';
import { checkImage, isClean } from '../check/check-image.ts';
import { openFile } from '../io/file.ts';
import { type CreateOptions, createImage } from './create.ts';
import type { OpenOptions } from './open.ts';
import { openImage, type Qcow2Image } from './qcow2-image.ts';

interface Feature {
  readonly name: string;
  readonly create: Partial<CreateOptions>;
  readonly open?: OpenOptions;
  readonly smallestCluster?: number;
  readonly dataFile?: boolean;
}

const FEATURES: readonly Feature[] = [
  { name: 'version 2', create: { version: 2 } },
  { name: 'version 3', create: {} },
  { name: 'extended L2', create: { extendedL2: true }, smallestCluster: 16 * KiB },
  { name: 'lazy refcounts', create: { lazyRefcounts: true } },
  { name: 'zstd', create: { compressionType: 'zstd' } },
  { name: '1-bit refcounts', create: { refcountBits: 1 } },
  { name: '64-bit refcounts', create: { refcountBits: 64 } },
  { name: 'L2 slices', create: {}, open: { l2CacheEntryBytes: 512, l2CacheTables: 3 } },
  { name: 'data file', create: {}, dataFile: true },
  { name: 'raw data file', create: { dataFileRaw: true }, dataFile: true },
];
const CLUSTER_SIZES = [512, 4 * KiB, 64 * KiB, 2 * MiB];
const SECTOR = 512;
const SEED = 20110124;

let folder: string;
before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

type Step =
  | {
      readonly op: 'write' | 'zeroes' | 'unmap' | 'discard';
      readonly sector: number;
      readonly sectors: number;
      readonly byte: number;
    }
  | { readonly op: 'compressed'; readonly sector: number; readonly byte: number }
  | { readonly op: 'flush' }
  | { readonly op: 'reopen' };

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: ranged('write') },
    { weight: 1, arbitrary: ranged('zeroes') },
    { weight: 1, arbitrary: ranged('unmap') },
    { weight: 2, arbitrary: ranged('discard') },
    {
      weight: 1,
      arbitrary: fc.record({
        op: fc.constant('compressed' as const),
        sector: fc.nat(),
        byte: fc.integer({ min: 1, max: 255 }),
      }),
    },
    { weight: 1, arbitrary: fc.constantFrom<Step>({ op: 'flush' }, { op: 'reopen' }) },
  ),
  { minLength: 20, maxLength: 60 },
);

function ranged<Op extends 'write' | 'zeroes' | 'unmap' | 'discard'>(op: Op) {
  return fc.record({
    op: fc.constant(op),
    sector: fc.nat(),
    sectors: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 600 })),
    byte: fc.integer({ min: 1, max: 255 }),
  });
}

/** An image on disk, and what its disk must read as. */
class Subject {
  readonly imagePath = path.join(folder, 'image.qcow2');
  readonly #dataPath = path.join(folder, 'data.raw');
  readonly #feature: Feature;
  readonly #policy: PolicyName;
  readonly content: Uint8Array;
  image: Qcow2Image;

  constructor(feature: Feature, clusterSizeBytes: number, policy: PolicyName) {
    this.#feature = feature;
    this.#policy = policy;
    const sizeBytes = Math.min(4 * MiB, clusterSizeBytes * 2000) + SECTOR * 3;
    this.content = new Uint8Array(sizeBytes);
    const file = openFile(this.imagePath, { create: true });
    createImage(file, {
      sizeBytes,
      clusterSizeBytes,
      ...feature.create,
      ...(feature.dataFile && { dataFile: this.#dataPath }),
    });
    file.close();
    if (feature.dataFile) {
      const data = openFile(this.#dataPath, { create: true });
      data.truncate(sizeBytes);
      data.close();
    }
    this.image = this.#open();
  }

  #open(): Qcow2Image {
    const mode = policyNamed(this.#policy).hostCacheMode;
    const dataFile = this.#feature.dataFile ? { dataFile: openFile(this.#dataPath, { mode }) } : {};
    const caches = { l2CacheTables: 2, refcountCacheTables: 1 };
    return openImage(openFile(this.imagePath, { mode }), {
      policy: this.#policy,
      ...caches,
      ...this.#feature.open,
      ...dataFile,
    });
  }

  reopen(): void {
    this.image.close();
    this.image = this.#open();
  }

  take(step: Step): void {
    if (step.op === 'flush') return this.image.flush();
    if (step.op === 'reopen') return this.reopen();
    const offset = (step.sector % (this.content.length / SECTOR)) * SECTOR;
    if (step.op === 'compressed') return this.#compress(offset, step.byte);
    const length = Math.min(step.sectors * SECTOR, this.content.length - offset);
    if (step.op === 'write') {
      this.content.fill(step.byte, offset, offset + length);
      this.image.write(offset, this.content.subarray(offset, offset + length));
    } else if (step.op === 'discard') {
      const gone = this.image.discard(offset, length);
      this.content.fill(0, gone.offset, gone.offset + gone.lengthBytes);
    } else {
      this.image.writeZeroes(offset, length, { mayUnmap: step.op === 'unmap' });
      this.content.fill(0, offset, offset + length);
    }
  }

  #compress(anywhere: number, byte: number): void {
    if (this.#feature.dataFile) return;
    const { clusterSizeBytes } = this.image;
    const offset = anywhere - (anywhere % clusterSizeBytes);
    const end = Math.min(offset + clusterSizeBytes, this.content.length);
    this.content.fill(byte, offset, end);
    this.image.writeCompressed(offset, this.content.subarray(offset, end));
  }

  requireEqual(when: string): void {
    const read = new Uint8Array(this.content.length);
    this.image.read(0, read);
    assert.ok(Buffer.compare(read, this.content) === 0, `the disk reads as it should ${when}`);
  }

  /** Closes the image and has it judged by both checkers and by qemu-img compare; a raw data file must be the plain disk. */
  requireSound(when: string): void {
    this.image.close();
    const report = checkImage(openFile(this.imagePath, { readOnly: true }));
    assert.ok(isClean(report), `${when}: ${report.findings[0]?.text ?? 'leaks'}`);
    const twin = path.join(folder, 'twin.raw');
    fs.writeFileSync(twin, this.content);
    for (const words of [
      ['check', '-q', this.imagePath],
      ['compare', '-f', 'qcow2', '-F', 'raw', this.imagePath, twin],
    ]) {
      const { status, stdout, stderr } = spawnSync('qemu-img', words, { encoding: 'utf8' });
      assert.equal(status, 0, `${when}: qemu-img ${words[0]}: ${stdout}${stderr}`);
    }
    if (this.#feature.create.dataFileRaw)
      assert.ok(fs.readFileSync(this.#dataPath).equals(this.content), `${when}: raw data file`);
    this.image = this.#open();
  }

  /** What qemu-img map calls data is what we call data or compressed, and the rest reads as zeros to both. */
  requireSameMap(): void {
    const output = execFileSync('qemu-img', ['map', '--output=json', '-f', 'qcow2', this.imagePath], {
      encoding: 'utf8',
    });
    for (const { start, length, data } of JSON.parse(output) as { start: number; length: number; data: boolean }[]) {
      for (let at = start; at < start + length; ) {
        const { stored, lengthBytes } = this.image.map(at, start + length - at);
        assert.equal(stored === 'data' || stored === 'compressed', data, `map at ${at}: ${stored}`);
        at += lengthBytes;
      }
    }
  }
}

/** qemu-io writes, zeroes and discards; the expectation follows. */
function letQemuGoOn(subject: Subject, commands: readonly string[]): void {
  subject.image.close();
  execFileSync('qemu-io', ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), subject.imagePath], {
    stdio: 'pipe',
  });
  subject.reopen();
}

for (const feature of FEATURES) {
  for (const clusterSizeBytes of CLUSTER_SIZES) {
    if (clusterSizeBytes < (feature.smallestCluster ?? 0)) continue;
    test(`${feature.name}, clusters of ${clusterSizeBytes}: every policy, qemu-img agrees, qemu-io goes on`, () => {
      for (const policy of policyNames()) {
        const property = fc.property(steps, (taken) => {
          const subject = new Subject(feature, clusterSizeBytes, policy);
          for (const step of taken) subject.take(step);
          subject.requireEqual(`under ${policy}`);
          subject.requireSound(`under ${policy}`);
          subject.requireSameMap();
          letQemuGoOn(subject, ['write -P 7 1024 70000', 'write -z 200k 40k', 'flush', 'write -P 9 4k 512']);
          subject.content
            .fill(7, 1024, 71_024)
            .fill(0, 200 * KiB, 240 * KiB)
            .fill(9, 4 * KiB, 4 * KiB + SECTOR);
          subject.requireEqual(`after qemu-io, under ${policy}`);
          for (const step of taken.slice(0, 10)) subject.take(step);
          subject.requireEqual(`after going on, under ${policy}`);
          subject.requireSound(`after going on, under ${policy}`);
          subject.image.close();
        });
        fc.assert(property, { seed: SEED, numRuns: 1 });
      }
    });
  }
}

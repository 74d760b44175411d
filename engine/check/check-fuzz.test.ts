/**
 * Images with random damage in their metadata: the checker always ends with a report or one error, agrees with the real qemu-img
 * on good and bad, and repair never makes an image worse nor touches data.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { Qcow2Error } from '../base/errors.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { QemuFolder } from '../testing/qemu-images.ts';
import { type CheckReport, checkImage, examineImage, type FindingKind } from './check-image.ts';
import { OWNER_COMPRESSED, OWNER_DATA } from './references.ts';
import { repairImage } from './repair.ts';
import { hasErrors } from './report.ts';

const SEED = 24;
const ENTRY_BYTES = 8;

const folder = new QemuFolder();
after(() => folder[Symbol.dispose]());

/** Images, and the byte offsets of their entries in use: header fields and table entries that are not zero. */
const images: { bytes: Uint8Array; places: number[] }[] = [];

before(() => {
  for (const options of ['cluster_size=512', 'cluster_size=512,compat=0.10', 'cluster_size=16k,extended_l2=on']) {
    folder.img('create', '-q', '-f', 'qcow2', '-o', options, 'image.qcow2', '256k');
    folder.io('image.qcow2', 'write -P 1 0 32k', 'write -c -P 2 128k 16k');
    folder.img('snapshot', '-c', 'before', 'image.qcow2');
    folder.io('image.qcow2', 'write -P 3 4k 8k');
    const bytes = folder.read('image.qcow2');
    images.push({ bytes, places: entriesInUse(bytes) });
  }
});

function entriesInUse(bytes: Uint8Array): number[] {
  const { examination: x } = examineImage(new MemoryFile('image', bytes));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places: number[] = [];
  x.references.owners.forEach((owner, cluster) => {
    if (owner === OWNER_DATA || owner === OWNER_COMPRESSED) return;
    const start = cluster * x.shape.clusterBytes;
    const end = Math.min(start + x.shape.clusterBytes, bytes.length - ENTRY_BYTES);
    for (let at = start; at < end; at += ENTRY_BYTES) if (view.getBigUint64(at) !== 0n) places.push(at);
  });
  return places;
}

interface Damage {
  readonly place: number;
  readonly kind: 'flip' | 'replace' | 'copy';
  readonly value: bigint;
}

const anyDamage: fc.Arbitrary<Damage> = fc.record({
  place: fc.nat(),
  kind: fc.constantFrom('flip', 'replace', 'copy'),
  value: fc.oneof(
    fc.integer({ min: 0, max: 63 }).map((bit) => 1n << BigInt(bit)),
    fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    fc.integer({ min: 0, max: 2 ** 20 }).map((cluster) => BigInt(cluster) << 9n),
  ),
});

const anyDamagedImage = fc
  .tuple(fc.nat(), fc.array(anyDamage, { minLength: 1, maxLength: 3 }))
  .map(([which, damages]) => damaged(images[which % images.length]!, damages));

function damaged({ bytes, places }: { bytes: Uint8Array; places: number[] }, damages: Damage[]): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  for (const { place, kind, value } of damages) {
    const at = places[place % places.length]!;
    if (kind === 'flip') view.setBigUint64(at, view.getBigUint64(at) ^ value);
    else if (kind === 'replace') view.setBigUint64(at, value);
    else view.setBigUint64(at, view.getBigUint64(places[Number(value % BigInt(places.length))]!));
  }
  return copy;
}

/** The report, or null when the header could not be interpreted, which must be one clear error. */
function reportOf(bytes: Uint8Array): CheckReport | null {
  try {
    return checkImage(new MemoryFile('disk', bytes), { verifyCompressed: true });
  } catch (error) {
    assert.ok(error instanceof Qcow2Error, String(error));
    assert.match(error.message, /^disk: [^\n]+$/);
    return null;
  }
}

test('random damage: the checker ends with a report or one error', () => {
  let reports = 0;
  fc.assert(
    fc.property(anyDamagedImage, (bytes) => {
      if (reportOf(bytes) !== null) reports++;
    }),
    { seed: SEED, numRuns: 3000 },
  );
  assert.ok(reports > 2000, `only ${reports} of the images could be interpreted`);
});

test('random damage: repair makes nothing worse and writes no data', () => {
  fc.assert(
    fc.property(anyDamagedImage, (bytes) => {
      if (reportOf(bytes) === null) return;
      const { references, shape } = examineImage(new MemoryFile('disk', bytes)).examination;
      const file = new MemoryFile('disk', bytes);
      const { before: found, after: left } = repairImage(file);
      assert.ok(left.corruptions <= found.corruptions, `${found.corruptions} corruptions became ${left.corruptions}`);
      assert.ok(left.copiedShared === 0 || left.corruptions > 0);
      const repaired = file.bytes();
      references.owners.forEach((owner, cluster) => {
        if (owner !== OWNER_DATA && owner !== OWNER_COMPRESSED) return;
        const range = [cluster * shape.clusterBytes, (cluster + 1) * shape.clusterBytes] as const;
        const isSame = Buffer.from(bytes.subarray(...range)).equals(
          repaired.subarray(...range).subarray(0, bytes.length - range[0]),
        );
        assert.ok(isSame, `data cluster ${cluster} changed`);
      });
    }),
    { seed: SEED, numRuns: 1500 },
  );
});

/** Faults that qemu-img 7.2 does not report. */
const OVERLOOKED: ReadonlySet<FindingKind> = new Set(['two-owners', 'zero-flag', 'snapshot-entry']);

test('random damage: good and bad are what qemu-img says', () => {
  fc.assert(
    fc.property(anyDamagedImage, (bytes) => {
      const report = checkImageOrNull(bytes);
      folder.write('damaged.qcow2', bytes);
      const { exitCode, text } = folder.check('damaged.qcow2');
      // Besides refusing (1) and reporting (2) it aborts on some images.
      const isBad = exitCode !== 0 && exitCode !== 3;
      // Encrypted images cannot be opened without a key, however good they are.
      if (text.includes('encrypt.key-secret')) return;
      const note = `qemu-img check exits with ${exitCode}: ${text}\n${JSON.stringify(report?.findings, null, 1)}`;
      if (isBad) return assert.ok(report === null || hasErrors(report), note);
      assert.ok(report !== null, note);
      const real = report.findings.filter(({ kind, severity }) => severity !== 'leak' && !OVERLOOKED.has(kind));
      assert.ok(real.length === 0, note);
      assert.equal(report.leaks > 0, exitCode === 3, note);
    }),
    { seed: SEED, numRuns: 150 },
  );
});

function checkImageOrNull(bytes: Uint8Array): CheckReport | null {
  try {
    return checkImage(new MemoryFile('disk', bytes), { maxFindings: 10_000 });
  } catch {
    return null;
  }
}

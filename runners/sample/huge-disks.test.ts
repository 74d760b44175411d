/** What a sample costs goes by what was written and what is stored, not by the size of the disk: counted in reads of the image. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { createImage, MiB, openFile, openImage, TiB } from '../../engine/index.ts';
import { ExpectedDisk } from '../../workloads/expected-disk.ts';
import { fillGuestData } from '../../workloads/guest-data.ts';
import { temporaryFolder } from '../testing/command.ts';
import { verify } from './verify.ts';

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const CLUSTER = 65536;

/** An image of `sizeBytes` with one write of 4 KiB far out, and what its disk must hold. */
function oneWrite(sizeBytes: number) {
  const file = path.join(folder, 'a.qcow2');
  const made = openFile(file, { mode: 'unsafe', create: true });
  createImage(made, { sizeBytes, clusterSizeBytes: CLUSTER });
  const image = openImage(made);
  const expected = new ExpectedDisk(sizeBytes, 1);
  const bytes = new Uint8Array(4096);
  const offset = sizeBytes - 8192;
  fillGuestData(bytes, 1, offset, 1);
  image.write(offset, bytes);
  expected.write(offset, bytes.length, 1);
  return { file, image, expected };
}

async function verified(file: string, expected: ExpectedDisk) {
  let pauses = 0;
  const result = await verify(file, expected, {}, true, async () => void pauses++);
  return { ...result, pauses };
}

for (const sizeBytes of [4 * TiB, 1024 * TiB]) {
  test(`a write of 4 KiB on a disk of ${sizeBytes / TiB} TiB: the page of the write is read, the rest is known by the map`, async () => {
    const { file, image, expected } = oneWrite(sizeBytes);
    image.close();
    const { content, contentBytes, check, pauses } = await verified(file, expected);
    assert.deepEqual([content, contentBytes, check], ['equal', sizeBytes, 'clean']);
    // One for each stretch that the map tells, which ends with its L2 table, and some for the page and the check.
    assert.ok(pauses <= sizeBytes / (CLUSTER / 8) / CLUSTER + 4, `${pauses}`);
  });
}

test('what is stored where nobody wrote is read all the same, and told as a difference', async () => {
  const { file, image, expected } = oneWrite(4 * TiB);
  image.write(2 * TiB + 5 * MiB, new Uint8Array(512).fill(7));
  image.close();
  const { content, detail } = await verified(file, expected);
  assert.equal(content, 'different');
  assert.match(
    detail!,
    new RegExp(`^guest offset ${2 * TiB + 5 * MiB}: expected zeros, found bytes that no guest wrote`),
  );
});

test('preallocated space that holds nothing is not read', async () => {
  const { file, image, expected } = oneWrite(1024 * MiB);
  image.preallocate('metadata');
  image.close();
  const { content, pauses } = await verified(file, expected);
  assert.equal(content, 'equal');
  assert.ok(pauses < 10, `${pauses}`);
});

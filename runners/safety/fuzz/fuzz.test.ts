/** The short form of the fuzzer, and proof that it would notice. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { MemoryFile } from '../../../engine/index.ts';
import { imagesMadeHere } from './base-images.ts';
import type { Damage } from './damage.ts';
import { exercise } from './exercise.ts';
import { FuzzPlan } from './fuzz-plan.ts';
import { minimise } from './minimise.ts';
import { PatchedFile } from './patched-file.ts';
import { damagedBytes, loadReproducer } from './reproducer.ts';
import { runFuzz } from './run-fuzz.ts';

const SEED = 1;
/** Enough to damage every field; `npm run fuzz` tries a million. */
const IMAGES = 8_000;

test(`${IMAGES} damaged images: no hang, no bomb, no stray exception, no harm (seed ${SEED})`, async () => {
  const result = await runFuzz({ images: IMAGES, seed: SEED, jobs: 2, directory: null });
  const shown = result.defects.map(({ stack, ...defect }) => `${JSON.stringify(defect)}\n${stack}`);
  assert.deepEqual(shown, []);
  assert.equal(result.done, IMAGES);
  assert.deepEqual(result.missedFields, [], 'every field of every structure is damaged');
  const { refused, writable } = result.outcomes;
  assert.ok(refused > IMAGES / 10 && writable > IMAGES / 10, `refused ${refused}, writable ${writable}`);
});

test('a seed names the same damage always, and another seed other damage', () => {
  const bases = imagesMadeHere();
  const images = (seed: number) =>
    Array.from({ length: 300 }, (_, index) => new FuzzPlan(bases, seed).imageAt(index).damage);
  assert.deepEqual(images(3), images(3));
  assert.notDeepEqual(images(3), images(4));
});

test('a run that begins at a number tries the images that the whole run tries from there on', async () => {
  const exerciseModule = new URL('./testing/faulty-exercise.ts', import.meta.url).href;
  const run = { seed: SEED, jobs: 1, directory: null, hangMs: 400, exerciseModule };
  const isOnPurpose = ({ message }: { message: string }) => message === 'found on purpose';
  const whole = (await runFuzz({ ...run, images: 500 })).defects.find(isOnPurpose)!;
  const from = whole.firstIndex;
  assert.ok(from > 0);
  const found = (await runFuzz({ ...run, from, images: 1 })).defects.find(isOnPurpose);
  assert.deepEqual([found?.firstIndex, found?.images, found?.baseName], [from, 1, whole.baseName]);
  assert.equal((await runFuzz({ ...run, images: from })).defects.find(isOnPurpose), undefined);
});

test('undamaged images hold every property', () => {
  for (const { bytes } of imagesMadeHere()) {
    for (let seed = 0; seed < 20; seed++) {
      const damage = { patches: [], sizeBytes: bytes.length };
      exercise({ base: bytes, clusterBytes: 2 ** bytes[23]!, damage, seed, onStep: () => {} });
    }
  }
});

test('each kind of defect is noticed, made smaller, saved, and comes back from its file', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  try {
    const exerciseModule = new URL('./testing/faulty-exercise.ts', import.meta.url).href;
    const { defects, done } = await runFuzz({
      images: 1500,
      seed: SEED,
      jobs: 2,
      directory,
      // Running out of memory takes a while on a busy machine, and is no hang.
      hangMs: 800,
      minimiseTries: 1,
      exerciseModule,
    });
    const messages = defects.map(({ property, message }) => `${property}: ${message}`).sort();
    assert.equal(done, 1500);
    assert.deepEqual(
      messages.map((text) => text.replaceAll(/\d+/g, 'N')),
      [
        'clean image: found on purpose',
        "exception: Cannot read properties of null (reading 'field')",
        'hang: takes more than N ms',
        'memory: N bytes of arrays, the last of N',
        'memory: the process ran out of memory for objects',
      ],
    );
    for (const { reproducer } of defects) {
      const { damage, base } = loadReproducer(reproducer!);
      assert.ok(damage.patches.some(({ name }) => name.startsWith('header: ')));
      assert.deepEqual(
        new Uint8Array(fs.readFileSync(reproducer!.replace('.json', '.qcow2'))),
        damagedBytes(base, damage),
      );
    }
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
});

test('damage is made as small as it can be', async () => {
  const patch = (offset: number, length: number) => ({ name: 'x', offset, bytes: new Uint8Array(length).fill(1) });
  const damage = { patches: [patch(0, 8), patch(100, 64), patch(300, 8)], sizeBytes: 50 };
  const touches120 = async ({ patches }: Damage) =>
    patches.some(({ offset, bytes }) => offset <= 120 && offset + bytes.length > 120);
  const smallest = await minimise(damage, 1000, 80, touches120);
  assert.deepEqual(smallest, { patches: [patch(120, 1)], sizeBytes: 1000 });
});

test('what is no reproducer is refused in one line', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  try {
    const file = path.join(directory, 'x.json');
    for (const content of ['', '{}', '[1]', '{"format":"cowbench-fuzz-1"}']) {
      fs.writeFileSync(file, content);
      assert.throws(() => loadReproducer(file), {
        name: 'UsageError',
        message: /^\S+ is no reproducer of this fuzzer: [^\n]+$/,
      });
    }
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
});

test('a patched file behaves like a file in memory', () => {
  const base = Uint8Array.from({ length: 10_000 }, (_, index) => index % 251);
  const patched = new PatchedFile({ name: 'p', base, sizeBytes: 9000, readOnly: false, limitBytes: 2 ** 20 });
  const plain = new MemoryFile('m', base.subarray(0, 9000));
  for (const file of [patched, plain]) {
    file.write(4000, new Uint8Array(300).fill(1), 'data');
    file.punchHole(100, 5000);
    file.truncate(6000);
    file.truncate(15_000);
    file.write(12_000, new Uint8Array(5000).fill(2), 'data');
    file.truncate(16_500);
  }
  const content = (file: PatchedFile | MemoryFile) => {
    const bytes = new Uint8Array(20_000);
    file.read(0, bytes, 'data');
    return bytes;
  };
  assert.equal(patched.sizeBytes(), plain.sizeBytes());
  assert.deepEqual(content(patched), content(plain));
  assert.equal(patched.changes, 6);
  assert.throws(() => patched.write(2 ** 20, new Uint8Array(1), 'data'), { code: 'NO_SPACE' });
  assert.ok(patched.grewTooLarge);
});

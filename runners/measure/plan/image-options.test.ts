import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { parseImageOptions } from '../../sample/image-options.ts';
import { cowbench, recordOf } from '../../testing/command.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const bench = (image: string, ...more: string[]) =>
  cowbench(
    ...['bench', '--workload', 'random-write', '--writes', '60', '--span', '8M', '--dir', folder, '--out', folder],
    ...['--rounds', '0', '--json', '--quiet', '--no-report', '--image-option', image, ...more],
  );

test('every feature that can be chosen runs under every policy, verified and in the record', async () => {
  for (const image of [
    'lazy_refcounts=on,refcount_bits=64',
    'extended_l2=on,cluster_size=2M,l2-cache-entry-size=4k',
    'preallocation=metadata,overlap-check=all,compat=1.1',
  ]) {
    const finished = await bench(image);
    assert.equal(finished.code, 0, `${image}: ${finished.stderr}`);
    for (const cell of recordOf(finished).cells) {
      assert.deepEqual(cell.image.options, parseImageOptions(image).words);
      assert.equal(cell.verification.content, 'equal', `${image}: ${cell.id}`);
      assert.equal(cell.verification.check, 'clean', `${image}: ${cell.id}`);
    }
  }
});

test('preallocated metadata saves the syncs of allocating', async () => {
  const syncs = async (image: string) => {
    const finished = await bench(image, '--policy', 'writeback', '--flush-every', '1');
    return recordOf(finished).cells[0]!.exact!.fsyncs;
  };
  assert.ok((await syncs('preallocation=metadata')) < (await syncs('preallocation=off')));
});

test('an image option that is unknown or has no such value is refused in one line', async () => {
  for (const [image, line] of [
    ['lazy=on', /^cowbench: --image-option: unknown option "lazy"/],
    ['extended_l2=maybe', /^cowbench: --image-option extended_l2: unknown value "maybe"/],
    ['extended_l2=on,compat=0.10', /^cowbench: a version 2 image cannot have extended L2 entries/],
    ['refcount_bits=3', /^cowbench: refcount width 3 is not/],
  ] as const) {
    const finished = await bench(image);
    assert.equal(finished.code, 2, image);
    assert.match(finished.stderr.trim(), line);
    assert.equal(finished.stderr.trim().split('\n').length, 1);
  }
});

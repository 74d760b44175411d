import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { cowbench, temporaryFolder } from '../testing/command.ts';

test('one image is tried by its number, and what was done to it is said', async () => {
  const { code, stdout, stderr } = await cowbench('fuzz', '--seed', '3', '--only', '1');
  assert.equal(code, 0, stderr);
  const [head, ...rest] = stdout.trimEnd().split('\n');
  assert.match(head!, /^image 1: version 2, 512-byte clusters, \d+ bytes/);
  assert.equal(rest.pop(), 'every property holds');
  assert.ok(rest.length > 0);
  for (const line of rest) assert.match(line, /^ {2}\w.* at \d+: [0-9a-f]+( and \d+ more bytes)?$/);
});

test('a run goes on from a number', async () => {
  const { code, stdout, stderr } = await cowbench(
    ...['fuzz', '--seed', '3', '--from', '1000', '--images', '5', '--jobs', '1', '--json'],
  );
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^seed 3, 5 images from number 1000, 1 at a time$/m);
  assert.doesNotMatch(stderr, /^expected/m);
  const { done, defects } = JSON.parse(stdout);
  assert.deepEqual({ done, defects }, { done: 5, defects: [] });
});

test('a number without its seed is refused', async () => {
  const { code, stderr } = await cowbench('fuzz', '--only', '3');
  assert.deepEqual([code, stderr.trimEnd()], [2, 'cowbench: --only needs --seed: a number names an image of a seed']);
});

test('shards need a seed and a file; merged, they say what one run says', async () => {
  const folder = temporaryFolder();
  try {
    const refusal = async (...words: string[]) => (await cowbench('fuzz', ...words)).stderr.trimEnd();
    assert.equal(await refusal('--shard', '1/2'), 'cowbench: --shard needs --out: the file that takes the result');
    const [one, two] = [path.join(folder, '1.json'), path.join(folder, '2.json')];
    assert.match(await refusal('--shard', '1/2', '--out', one), /--shard needs --seed/);
    const plan = ['fuzz', '--images', '6', '--seed', '3', '--jobs', '1', '--json'];
    for (const [shard, file] of Object.entries({ '1/2': one, '2/2': two })) {
      const { code, stderr } = await cowbench(...plan, '--shard', shard, '--out', file);
      assert.equal(code, 0, stderr);
    }
    const aloud = await cowbench('fuzz', '--images', '1', '--seed', '3', '--jobs', '1', '--dir', folder);
    assert.match(
      aloud.stderr,
      /^expected: about 6 ms \(1 images at 6 ms, 1 at a time\); only findings are written, to /m,
    );
    const merged = JSON.parse((await cowbench('fuzz', '--json', '--merge', two, one)).stdout);
    const whole = JSON.parse((await cowbench(...plan)).stdout);
    assert.equal(whole.done, 6);
    assert.deepEqual({ ...merged, peakMemoryBytes: 0 }, { ...whole, peakMemoryBytes: 0 });
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

/** `cowbench explore` in shards, by the command line. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { cowbench, temporaryFolder } from '../testing/command.ts';

const folder = temporaryFolder();
after(() => fs.rmSync(folder, { recursive: true }));

test('shards, merged, leave the record of one machine, byte for byte; a damaged part is refused', async () => {
  const explore = async (out: string, ...words: string[]) => {
    const finished = await cowbench('explore', '-q', '--out', path.join(folder, out), ...words);
    return { ...finished, text: finished.code === 0 ? fs.readFileSync(path.join(folder, out), 'utf8') : '' };
  };
  const plan = ['--policy', 'ordered', '--length', '1', '--states', '40'];
  const runs = await Promise.all([
    explore('whole.json', ...plan),
    explore('1.json', ...plan, '--shard', '1/2'),
    explore('2.json', ...plan, '--shard', '2/2'),
  ]);
  assert.deepEqual(
    runs.map(({ code }) => code),
    [0, 0, 0],
    runs.map(({ stderr }) => stderr).join(),
  );
  const parts = ['2.json', '1.json'].map((name) => path.join(folder, name));
  const merged = await explore('merged.json', '--merge', ...parts);
  assert.equal(merged.text, runs[0]!.text);
  assert.match(merged.stdout, /\d+ states judged, 0 violations/);
  assert.deepEqual(fs.readdirSync(folder).sort(), ['1.json', '2.json', 'merged.json', 'whole.json']);
  fs.writeFileSync(parts[0]!, fs.readFileSync(parts[0]!, 'utf8').replace(/"states":(\d)/, '"states":-$1'));
  const aloud = await cowbench('explore', ...plan, '--threads', '1', '--out', path.join(folder, 'aloud.json'));
  assert.match(aloud.stderr, /^expected: about 10 ms \(40 states at 0.25 ms, 1 threads\); up to 2 KiB in /);
  const damaged = await explore('x.json', '--merge', ...parts);
  assert.match(damaged.stderr, /^cowbench: --merge: part "sequences ordered .*": states: /);
});

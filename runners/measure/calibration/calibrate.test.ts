import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { cowbench, temporaryFolder } from '../../testing/command.ts';

let folder = '';
before(() => {
  folder = temporaryFolder();
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

test('a single round gives figures, but no verdict: exit code 3, with the reason; nothing is left', async () => {
  const { code, stdout, stderr } = await cowbench('calibrate', '--dir', folder, '--rounds', '1', '--data', '1M');
  assert.deepEqual([code, stderr], [3, '']);
  const figure = '\\d+\\.\\d{3} \\(\\d+\\.\\d{3} to \\d+\\.\\d{3}\\)';
  for (const policy of ['legacy', 'writethrough', 'writeback']) {
    const line = new RegExp(`^${policy} +\\d+\\.\\d ms +${figure} +${figure} +unsure: 1 rounds are too few`, 'm');
    assert.match(stdout, line);
  }
  assert.deepEqual(fs.readdirSync(folder), []);
});

test('bad options are one line', async () => {
  for (const [words, reason] of [
    [['--dir', folder, '--rounds', '0'], /^cowbench: --rounds/],
    [['--dir', folder, '--data', 'much'], /^cowbench: .*data.*much/],
    [['--dir', `${folder}/none`], /^cowbench: --dir .*none: no such directory/],
  ] as const) {
    const { code, stdout, stderr } = await cowbench('calibrate', ...words);
    assert.deepEqual([code, stdout, stderr.trimEnd().split('\n').length], [2, '', 1], stderr);
    assert.match(stderr, reason);
  }
});

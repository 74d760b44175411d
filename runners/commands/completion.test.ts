/** Completion: what could follow, and the real bash that asks for it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { CLI, temporaryFolder } from '../testing/command.ts';
import { completions } from './complete.ts';

test('commands, subcommands, options, values and lists of values', async () => {
  assert.deepEqual(await completions(['be']), ['bench']);
  assert.deepEqual(await completions(['image', 'com']), ['compare', 'commit']);
  assert.deepEqual(await completions(['image', 'convert', '--force']), ['--force-share']);
  assert.deepEqual(await completions(['bench', '--guest']), ['--guest-flush']);
  assert.deepEqual(await completions(['bench', '--policy', 'writet']), ['writethrough']);
  assert.deepEqual(await completions(['bench', '-p', 'legacy,writeb']), ['legacy,writeback']);
  assert.deepEqual(await completions(['bench', '--workload=install-']), ['--workload=install-burst']);
  assert.deepEqual(await completions(['bench', '--device', 'model:hdd']), ['model:hdd-7200']);
  assert.deepEqual(await completions(['bench', '--dir', '/tm']), [], 'a directory is the shell’s business');
  assert.deepEqual(await completions(['nonsense', 'x']), []);
  assert.ok((await completions([''])).includes('completion'));
});

/** What bash offers for a line with the cursor at its end. */
function bashOffers(line: string): string[] {
  const folder = temporaryFolder();
  try {
    fs.writeFileSync(path.join(folder, 'cowbench'), `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`, {
      mode: 0o755,
    });
    const script = `set -u; source <(cowbench completion bash); COMP_LINE=${JSON.stringify(line)}; COMP_POINT=\${#COMP_LINE}
      _cowbench; printf '%s\\n' "\${COMPREPLY[@]}"; complete -p cowbench`;
    const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
    const { status, stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8', env });
    assert.equal(status, 0, stderr);
    const offered = stdout.trimEnd().split('\n');
    assert.equal(offered.pop(), 'complete -o default -F _cowbench cowbench');
    return offered;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

test('in bash: a word, an empty one, and what bash takes for a word after = and :', () => {
  assert.deepEqual(bashOffers('cowbench sche'), ['schema']);
  assert.ok(bashOffers('cowbench image ').includes('snapshot'));
  assert.deepEqual(bashOffers('cowbench bench --policy=writeb'), ['writeback']);
  assert.deepEqual(bashOffers('cowbench bench --device model:hdd'), ['hdd-7200']);
});

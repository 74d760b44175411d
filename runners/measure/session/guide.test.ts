/** The commands of `docs/measuring-others.md`, run as they stand there. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { PROJECT_ROOT } from '../../console/project-root.ts';
import { CLI, startProgram, temporaryFolder } from '../../testing/command.ts';

const PAGE = fs.readFileSync(path.join(PROJECT_ROOT, 'docs/measuring-others.md'), 'utf8');

test('each command of docs/measuring-others.md does what it says', async () => {
  const folder = temporaryFolder();
  try {
    const program = path.join(folder, 'cowbench');
    fs.writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`, { mode: 0o755 });
    const blocks = [...PAGE.matchAll(/^```sh\n([^`]*)```$/gm)].map(([, script]) => script!);
    assert.equal(blocks.length, 5);
    for (const script of blocks) {
      const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
      const { code, stdout, stderr } = await startProgram('sh', ['-ec', `cd '${folder}'\n${script}`], env).finished;
      assert.equal(code, 0, `${script}${stderr}${stdout}`);
    }
    assert.deepEqual(
      fs.readdirSync(folder).filter((name) => name.startsWith('cowbench-')),
      [],
    );
    const { phases } = JSON.parse(fs.readFileSync(path.join(folder, 'vm.phases.json'), 'utf8'));
    assert.deepEqual(
      phases.map(({ name }: { name: string }) => name),
      ['boot'],
    );
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

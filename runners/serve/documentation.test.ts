/** The commands of `docs/serving.md`, run as they stand there. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { CLI, startProgram, temporaryFolder } from '../testing/command.ts';
import { without } from './testing/running-server.ts';

const PAGE = fs.readFileSync(path.join(PROJECT_ROOT, 'docs/serving.md'), 'utf8');

/** The command blocks of a kind: `sh` alone, or the word after it. */
function blocks(kind: string): string[] {
  return [...PAGE.matchAll(/^```(sh.*)\n([^`]*)```$/gm)].filter((found) => found[1] === kind).map((found) => found[2]!);
}

/** Starts `script` in `folder`, where `cowbench` is the program under test. */
function shell(folder: string, script: string) {
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  return startProgram('sh', ['-c', `cd '${folder}' && ${script.trim().split('\n').join(' && ')}`], env);
}

async function run(folder: string, script: string): Promise<void> {
  const { code, stdout, stderr } = await shell(folder, script).finished;
  assert.equal(code, 0, `${script}${stderr}${stdout}`);
}

/** Runs `work` while the server of the page's `kind` of block runs. */
async function whileServing(folder: string, kind: string, work: () => Promise<void>): Promise<void> {
  const [script] = blocks(kind);
  const server = shell(folder, script!.replace('cowbench', 'exec cowbench'));
  let said = '';
  server.process.stdout!.on('data', (text) => (said += text));
  while (!said.includes('\n') && server.process.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(server.process.exitCode, null, 'the server runs');
  await work();
  server.process.kill('SIGTERM');
  const { code, stderr } = await server.finished;
  assert.equal(code, 143, stderr);
}

test('each command of docs/serving.md does what it says', {
  skip: without('nbdinfo', 'nbdcopy', 'qemu-io', 'qemu-img', 'fio'),
}, async () => {
  const folder = temporaryFolder();
  try {
    const program = path.join(folder, 'cowbench');
    fs.writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`, { mode: 0o755 });
    for (const script of blocks('sh')) await run(folder, script);
    const clients = blocks('sh client');
    assert.ok(clients.length >= 4);
    await whileServing(folder, 'sh server', async () => {
      for (const script of clients) await run(folder, script);
    });
    await run(folder, 'qemu-img check -q disk.qcow2');
    await whileServing(folder, 'sh recording', () => run(folder, clients.at(-2)!));
    assert.match(
      fs.readFileSync(path.join(folder, 'guest.iolog'), 'utf8'),
      /^fio version 3 iolog\n0 disk add\n0 disk open\n/,
    );
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

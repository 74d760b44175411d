/** What somebody new does first: the demo, and the question of what is there. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { openCommand } from '../console/open-in-browser.ts';
import { CLI, startProgram, temporaryFolder } from '../testing/command.ts';

let folder = '';
before(() => {
  folder = temporaryFolder();
  fs.mkdirSync(path.join(folder, 'bin'));
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

test('demo says what it costs, measures, and opens the report', async () => {
  const opened = path.join(folder, 'opened');
  fs.writeFileSync(path.join(folder, 'bin/xdg-open'), `#!/bin/sh\necho "$1" >${opened}\n`, { mode: 0o755 });
  const env = { ...process.env, DISPLAY: ':9', PATH: `${path.join(folder, 'bin')}:${process.env.PATH}` };
  const words = [CLI, 'demo', '--dir', folder, '--out', path.join(folder, 'runs')];
  const { code, stdout, stderr } = await startProgram(process.execPath, words, env).finished;
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /^Installs a small guest .* about ten seconds .*, 30 MB of disk\.\nThe same as: cowbench bench /,
  );
  const [, report] = /^report: (.*\.html)$/m.exec(stdout)!;
  assert.equal(fs.readFileSync(opened, 'utf8'), `${report}\n`);
  assert.match(stdout, /\nNext: cowbench bench --workload install /);
});

test('a report is opened by what the system has for that, and only where there is a display', () => {
  assert.deepEqual(openCommand('linux', { DISPLAY: ':0' }), ['xdg-open']);
  assert.deepEqual(openCommand('linux', { WAYLAND_DISPLAY: 'wayland-0' }), ['xdg-open']);
  assert.equal(openCommand('linux', {}), null);
  assert.deepEqual(openCommand('darwin', {}), ['open']);
});

test('env --check names what is there, and for the rest what needs it and the command that brings it', async () => {
  fs.symlinkSync(process.execPath, path.join(folder, 'bin/node'));
  const run = (searchPath: string, ...words: string[]) =>
    startProgram(process.execPath, [CLI, 'env', '--check', ...words], { ...process.env, PATH: searchPath }).finished;
  const { code, stdout } = await run(path.join(folder, 'bin'));
  assert.equal(code, 0);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines[0], `node            ${process.versions.node}`);
  assert.ok(lines.includes('koffi           there'));
  assert.ok(lines.includes('strace          not there: no counts of --engine qemu; apt-get install strace brings it'));
  const { outside } = JSON.parse((await run(path.join(folder, 'bin'), '--json')).stdout);
  assert.equal(outside.find(({ name }: { name: string }) => name === 'chromium').found, null);
});

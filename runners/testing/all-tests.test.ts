/** The README's command, with the programs that it calls replaced: what it installs, how, and that it says so before. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { temporaryFolder } from './command.ts';
import { testTools } from './tools.ts';

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
  for (const name of ['sh', 'dirname', 'sort', 'tr', 'env']) link(name, path.join('/usr/bin', name));
  link('node', process.execPath);
  for (const name of ['apt-get', 'npm']) stub(name, `echo "${name} $* CI=\${CI:-}"`);
  stub('sudo', 'echo "sudo $*"; exec "$@"');
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const link = (name: string, target: string) => fs.symlinkSync(target, path.join(folder, name));
const stub = (name: string, body: string) =>
  fs.writeFileSync(path.join(folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });

/** The lines that the command prints, as the user with this number. */
function lines(userId: number): string[] {
  stub('id', `echo ${userId}`);
  const { CI: _, ...env } = process.env;
  const script = path.join(PROJECT_ROOT, 'runners/testing/all-tests.sh');
  // Nothing but the stubs: the folders of the administrator's programs are the script's own addition.
  const { status, stdout, stderr } = spawnSync('/bin/sh', [script], {
    encoding: 'utf8',
    env: { ...env, PATH: folder },
  });
  assert.equal(status, 0, stderr);
  return stdout.trimEnd().split('\n');
}

test('what is missing is named, then installed by sudo, then the packages, then all tests, strictly', () => {
  const [said, update, , install, , ...rest] = lines(1000);
  assert.match(said!, /^Installing chromium .*qemu-utils strace zsh for the tests: by sudo apt-get install$/);
  assert.equal(update, 'sudo apt-get update');
  assert.match(
    install!,
    /^sudo env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium /,
  );
  assert.deepEqual(rest, ['npm ci CI=1', 'npm ci --prefix node-versions CI=1', 'npm test CI=1']);
});

test('root needs no sudo; with everything there nothing is installed; .ci/run is nothing but this command', () => {
  const asRoot = lines(0);
  assert.ok(
    asRoot.some((line) => line.startsWith('apt-get install ')) && !asRoot.some((line) => line.startsWith('sudo ')),
  );
  for (const tool of Object.keys(testTools().packages)) stub(tool, 'exit 0');
  assert.deepEqual(lines(1000), ['npm ci CI=1', 'npm ci --prefix node-versions CI=1', 'npm test CI=1']);
  const ci = fs.readFileSync(path.join(PROJECT_ROOT, '.ci/run'), 'utf8').trimEnd().split('\n');
  assert.deepEqual(ci, ['#!/bin/sh', 'exec sh "$(dirname "$0")/../runners/testing/all-tests.sh"']);
});

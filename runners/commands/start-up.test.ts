/** What a call loads: the version and the program's help nothing of the engine, a command no other one. Modules are counted, not time. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { CLI } from '../testing/command.ts';

/** The modules that `cowbench WORDS` loads, those of this program by their paths from its root. */
function loadedBy(...words: string[]): string[] {
  const hook = `import { registerHooks } from 'node:module';
    registerHooks({ load: (url, context, next) => { if (url.startsWith('file:')) console.error('loaded ' + url); return next(url, context); } });`;
  const preload = `data:text/javascript,${encodeURIComponent(hook)}`;
  const { status, stderr } = spawnSync(process.execPath, ['--import', preload, CLI, ...words], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const root = `file://${PROJECT_ROOT}/`;
  return [...stderr.matchAll(/^loaded (.*)$/gm)].map(([, url]) =>
    url!.startsWith(root) ? url!.slice(root.length) : url!,
  );
}

const foldersOf = (files: readonly string[]) => new Set(files.map((file) => path.dirname(file)));

test('--version and --help load a dozen small modules, and nothing of the engine or of packages', () => {
  for (const words of [['--version'], ['--help']]) {
    const files = loadedBy(...words);
    assert.ok(files.length > 3 && files.length <= 12, `${words}: ${files.length} modules`);
    assert.deepEqual([...foldersOf(files)].sort(), ['runners', 'runners/commands', 'runners/console']);
  }
});

test('a command loads its own module and that of no other command', () => {
  const own = ['command-cards', 'command-line', 'help-pages'].map((name) => `runners/commands/${name}.ts`);
  const files = loadedBy('policies', '--json').filter((file) => file.startsWith('runners/commands/'));
  assert.deepEqual(files.sort(), [...own, 'runners/commands/policies.ts'].sort());
});

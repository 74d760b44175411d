/** Files of the user's that are policies or workloads: what is accepted, one line for whatever is wrong, and the digest. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { policyNames } from '../../engine/index.ts';
import { findDefinition } from '../../workloads/registry.ts';
import { UsageError } from '../console/errors.ts';
import { CLI, startProgram, temporaryFolder } from '../testing/command.ts';
import { pluginDigest } from './plugin-file.ts';
import { namesPlugins, withPluginNames } from './plugin-words.ts';
import { loadedPlugins, loadPlugin, type PluginKind } from './plugins.ts';
import { preloads } from './preloads.ts';

let folder = '';
before(() => (folder = temporaryFolder()));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

function saved(name: string, ...lines: string[]): string {
  const file = path.join(folder, name);
  fs.writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

const PRESET = (name: string, own = '') =>
  `import { STAGES } from 'cowbench';
   export default { name: '${name}', summary: 's', behaviour: STAGES.S4b.behaviour, hostCacheMode: 'writeback', create: () => null, ${own} };`;

async function refusal(kind: PluginKind, file: string): Promise<string> {
  const error: unknown = await loadPlugin(kind, file).then(
    () => assert.fail(`${file} was accepted`),
    (reason) => reason,
  );
  assert.ok(error instanceof UsageError, String(error));
  assert.ok(error.message.startsWith(`--${kind} ${path.resolve(file)}: `), error.message);
  assert.doesNotMatch(error.message, /\n/);
  return error.message.slice(`--${kind} ${path.resolve(file)}: `.length);
}

test('a policy in JavaScript or TypeScript is known by its name, once however often it is named', async () => {
  const typed = saved('typed.ts', PRESET('typed'), 'export type Unused = string;');
  const words = ['bench', '-p', `writeback,${typed}`, `--policy=${saved('plain.mjs', PRESET('plain'))}`];
  assert.ok(namesPlugins(words) && !namesPlugins(['bench', '-p', 'writeback', '-w', 'trace:./x.ts.gz']));
  assert.deepEqual(await withPluginNames(words), ['bench', '-p', 'writeback,typed', '--policy=plain']);
  assert.deepEqual(await withPluginNames(['-p', typed]), ['-p', 'typed']);
  assert.ok(policyNames().includes('typed') && policyNames().includes('plain'));
  assert.deepEqual(
    loadedPlugins().map(({ name }) => name),
    ['typed', 'plain'],
  );
  const [option, url] = preloads().slice(-2);
  assert.equal(option, '--import');
  assert.deepEqual(
    [...new URL(url!).searchParams].map(([kind, file]) => [kind, path.basename(file)]),
    [
      ['policy', 'typed.ts'],
      ['policy', 'plain.mjs'],
    ],
  );
});

test('a workload is found by its name', async () => {
  const file = saved(
    'quiet.mjs',
    `import { defineWorkload, noRequests } from 'cowbench/workloads';
     export default defineWorkload({ name: 'quiet', title: 'nothing', parameters: {},
       plan: () => ({ diskSizeBytes: 512, phases: [], describe: () => '', prepare: noRequests, requests: noRequests }) });`,
  );
  assert.equal((await loadPlugin('workload', file)).name, 'quiet');
  assert.equal(findDefinition('quiet').title, 'nothing');
});

test('whatever is wrong with a file is one line that names it', async () => {
  const policy = (name: string, ...lines: string[]) => refusal('policy', saved(name, ...lines));
  assert.match(await refusal('policy', path.join(folder, 'none.ts')), /^no such file or directory$/);
  assert.equal(await refusal('workload', '/dev/zero'), 'not a regular file');
  assert.match(await refusal('policy', `${folder}/`), /directory/);
  assert.match(await policy('syntax.ts', 'const a = 1;', 'export default {{'), /^syntax error: /);
  assert.match(
    await policy('throws.ts', '', "throw new Error('no luck');"),
    /^fails when it is loaded: no luck \(line 2\)$/,
  );
  assert.match(
    await policy('needs.ts', "import 'not-installed-anywhere';"),
    /Cannot find package 'not-installed-anywhere'/,
  );
  assert.match(
    await policy('named.ts', "import { Nothing } from 'cowbench';", 'export default Nothing;'),
    /no.* export named 'Nothing'/,
  );
  assert.match(
    await policy('empty.ts', 'export const policy = 1;'),
    /^no default export; export default \{ name, .* as examples\/eager-policy\.ts does$/,
  );
  assert.match(await policy('number.ts', 'export default 7;'), /^its default export is no policy; /);
  assert.match(await policy('nameless.ts', 'export default { summary: 1 };'), /^name: expected a text; /);
  assert.match(await policy('create.ts', PRESET('made', 'create: 1')), /^create: expected a function; /);
  assert.match(
    await policy('mode.ts', PRESET('moded', "hostCacheMode: 'fast'")),
    /^hostCacheMode: expected one of writethrough, /,
  );
  assert.match(await policy('behaves.ts', PRESET('behaves', 'behaviour: {}')), /^behaviour\.cachesTables is missing; /);
  assert.match(
    await policy('surplus.ts', PRESET('surplus', 'behaviour: { ...STAGES.S4b.behaviour, speed: 11 }')),
    /^behaviour\.speed is unknown; there are cachesTables, /,
  );
  assert.match(await policy('taken.ts', PRESET('writeback')), /a policy with that name exists already$/);
  assert.match(await policy('spelled.ts', PRESET('Spelled')), /a name is lower-case letters, digits and hyphens$/);
  assert.match(await refusal('workload', saved('w.ts', PRESET('unlike'))), /^its default export is no workload; /);
  assert.match(await refusal('workload', saved('v.ts', '')), /^no default export; export default defineWorkload/);
});

test('a policy that is not made is refused in one line wherever an image is opened with it', async () => {
  const file = saved('unmade.js', PRESET('unmade'));
  const crash = startProgram(process.execPath, [CLI, 'crash', '--policy', file, '--workload', 'allocate']);
  const bench = startProgram(process.execPath, [
    CLI,
    ...'bench -w install-burst -q --policy'.split(' '),
    file,
    '--dir',
    folder,
  ]);
  for (const { code, stderr } of await Promise.all([crash.finished, bench.finished])) {
    assert.equal(code, 2);
    assert.match(
      stderr,
      new RegExp(`^cowbench: (?:.*: )?--policy ${file}: create: expected to return \\{ policy \\}, .*\\n$`),
    );
  }
});

test('the command line says it in one line, too', async () => {
  const file = saved('broken.ts', 'export default {{');
  const { code, stderr } = await startProgram(process.execPath, [CLI, 'crash', '--policy', file]).finished;
  assert.equal(code, 2);
  assert.match(stderr, new RegExp(`^cowbench: --policy ${file}: syntax error: .*\\n$`));
});

test('the digest changes with the file, and with what it imports by relative names', () => {
  for (const line of [
    "import { a } from './helper.ts';",
    "import {\n  a,\n} from './helper.ts';",
    "import './helper.ts';",
    "export * from './helper.ts';",
    "const { a } = await import('./helper.ts');",
    "const { a } = require('./helper.ts');",
  ]) {
    const helper = saved('helper.ts', 'export const a = 1;');
    const file = saved('with-helper.ts', line, 'export default 1;');
    const before = pluginDigest('policy', file);
    assert.equal(pluginDigest('policy', file), before);
    const { atime, mtime } = fs.statSync(helper);
    fs.writeFileSync(helper, 'export const a = 2;\n');
    fs.utimesSync(helper, atime, mtime);
    assert.notEqual(pluginDigest('policy', file), before, line);
  }
});

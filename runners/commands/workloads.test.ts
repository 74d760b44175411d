/** Lists of workloads: what `workloads` prints, and what `crash` says that it knows. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { WORKLOADS } from '../../workloads/registry.ts';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { cowbench } from '../testing/command.ts';
import { helpPage } from './help-pages.ts';
import { workloads } from './workloads.ts';

test('B13: no name runs into its title, in the list of workloads and in help', async (context) => {
  const { mock } = context.mock.method(console, 'log', () => {});
  await workloads.handler({ json: undefined, _: [], $0: '' });
  const printed = mock.calls.map((call) => String(call.arguments[0]));
  for (const { name, title } of WORKLOADS) {
    const line = printed.find((text) => text.startsWith(`${name} `));
    assert.match(line ?? '', new RegExp(`^${name} {2,}\\S`), name);
    assert.ok(line!.endsWith(title), name);
  }
  for (const command of ['bench', 'compare', 'crash'])
    assert.doesNotMatch((await helpPage([command, '--help-all'], 80))!, /\w\[|\[string\]/, command);
});

test('B14: a crash workload that there is none of is answered with those of crash', async () => {
  const { code, stderr } = await cowbench('crash', '-w', 'nosuch');
  assert.equal(code, 2);
  for (const name of ['sequences', 'after-snapshot', 'eviction', 'install-burst'])
    assert.match(stderr, new RegExp(`there are: .*\\b${name}\\b`));
});

test('each defect in docs/report-defects.md has a test of its name in each of the files that it names', () => {
  const rows = [
    ...fs
      .readFileSync(path.join(PROJECT_ROOT, 'docs/report-defects.md'), 'utf8')
      .matchAll(/^\| (B\d+) \|.*\| (`.*`) \|$/gm),
  ];
  assert.deepEqual(
    rows.map(([, id]) => id),
    Array.from({ length: 22 }, (_, index) => `B${index + 1}`),
  );
  for (const [, id, files] of rows)
    for (const [, file] of files!.matchAll(/`([^`]+)`/g))
      assert.match(
        fs.readFileSync(path.join(PROJECT_ROOT, file!), 'utf8'),
        new RegExp(`test\\(['\`]${id}: `),
        `${id} in ${file}`,
      );
});

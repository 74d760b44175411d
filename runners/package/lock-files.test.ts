/** What `npm ci` installs runs on every Node that the README promises, so that npm has nothing to warn of. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import semver from 'semver';
import { PROJECT_ROOT } from '../console/project-root.ts';

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly engines?: { readonly node?: string }; readonly deprecated?: string }>
  >;
}

const read = (file: string) => JSON.parse(fs.readFileSync(path.join(PROJECT_ROOT, file), 'utf8'));

/** The packages of a lock file that do not take every Node of `nodes`, or that are deprecated. */
function refusing({ packages }: Lock, nodes: string): string[] {
  return Object.entries(packages).flatMap(([place, { engines, deprecated }]) => {
    const wrong = engines?.node !== undefined && !semver.subset(nodes, engines.node) ? [`needs ${engines.node}`] : [];
    const old = deprecated === undefined ? [] : [`is deprecated: ${deprecated}`];
    return [...wrong, ...old].map((what) => `${place} ${what}`);
  });
}

test('B18: every package of the lock file takes every Node that the checkout declares, and none is deprecated', () => {
  const { engines } = read('package.json') as { engines: { node: string } };
  const lock = read('package-lock.json') as Lock;
  assert.ok(Object.values(lock.packages).filter((one) => one.engines?.node !== undefined).length > 100);
  assert.deepEqual(refusing(lock, engines.node), []);
});

test('the queue, a package of its own, is installed by the Node that the checkout brings', () => {
  const brought = (read('package.json') as { devDependencies: { node: string } }).devDependencies.node;
  assert.deepEqual(refusing(read('queue-library/package-lock.json') as Lock, brought), []);
  assert.notDeepEqual(
    refusing(read('queue-library/package-lock.json') as Lock, '20.19.0'),
    [],
    'it could be an ordinary one',
  );
});

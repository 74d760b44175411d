/** Where a repository lies on the web, by the address of its remote. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forgeOf } from './commit-facts.ts';

test('a remote on the web has an address without what may be secret in it; a path on this machine has none', () => {
  const address = 'https://forge.example/owner/name';
  for (const remote of [
    'https://forge.example/owner/name.git',
    'https://user:token@forge.example/owner/name',
    'git@forge.example:owner/name.git',
    'ssh://git@forge.example:2222/owner/name.git',
  ])
    assert.equal(forgeOf(remote), address, remote);
  for (const remote of ['/srv/git/name', '../name', 'file:///srv/git/name.git', null])
    assert.equal(forgeOf(remote), null);
});

/** What is recorded as the measured program: its own commit whatever the caller's repository is, and never "clean" unknown. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { temporaryFolder } from '../testing/command.ts';
import { environmentWithoutRepository } from './git-command.ts';
import { describeSource } from './source.ts';

let folder = '';
let root = '';
let variables: NodeJS.ProcessEnv = {};
beforeEach(() => {
  folder = temporaryFolder();
  root = repository('program', { 'package.json': '{"version":"1.2.3"}' });
  variables = { ...process.env };
});
afterEach(() => {
  process.env = variables;
  fs.rmSync(folder, { recursive: true, force: true });
});

function git(directory: string, ...words: string[]): string {
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.org', '-c', 'commit.gpgsign=false'];
  const env = environmentWithoutRepository();
  return execFileSync('git', [...identity, ...words], { cwd: directory, encoding: 'utf8', stdio: 'pipe', env }).trim();
}

/** A repository below the test's folder with one commit of `files`. */
function repository(name: string, files: Readonly<Record<string, string>>): string {
  const place = path.join(folder, name);
  fs.mkdirSync(place);
  for (const [file, text] of Object.entries(files)) fs.writeFileSync(path.join(place, file), text);
  git(place, 'init', '--quiet', '--initial-branch=main');
  git(place, 'add', '--all');
  git(place, 'commit', '--quiet', '--allow-empty', '-m', 'one');
  return place;
}

const clean = () => ({ version: '1.2.3', commit: git(root, 'rev-parse', 'HEAD'), dirty: false });
const unknown = (problem: RegExp) => {
  const source = describeSource(root);
  assert.deepEqual([source.commit, source.dirty], [null, true]);
  assert.match(source.problem ?? '', problem);
};

test('every variable by which git names a repository is ignored', () => {
  const other = path.join(repository('other', {}), '.git');
  const names = git(root, 'rev-parse', '--local-env-vars').split('\n');
  assert.ok(names.length > 10 && names.includes('GIT_DIR') && names.includes('GIT_INDEX_FILE'));
  for (const name of names) process.env[name] = name === 'GIT_CONFIG_COUNT' ? '7' : other;
  assert.deepEqual(describeSource(root), clean());
});

test('a change is seen, also where the caller hides it with an index of its own', () => {
  fs.appendFileSync(path.join(root, 'package.json'), '\n');
  process.env.GIT_INDEX_FILE = path.join(folder, 'no-index');
  const { dirty, commit, changes } = describeSource(root);
  assert.deepEqual([dirty, commit], [true, clean().commit]);
  assert.match(changes ?? '', /^[0-9a-f]{16}$/);
});

test('a repository that git does not trust: unknown, not clean, with what git says to do', () => {
  process.env.GIT_TEST_ASSUME_DIFFERENT_OWNER = '1';
  unknown(/^git says: detected dubious ownership in repository at .*\(to allow it: git config .*safe\.directory .*\)$/);
});

test('a repository without the objects of its commit: unknown, not clean', () => {
  fs.appendFileSync(path.join(root, 'package.json'), '\n');
  fs.rmSync(path.join(root, '.git/objects'), { recursive: true });
  fs.mkdirSync(path.join(root, '.git/objects'));
  unknown(/^git says: /);
});

test('a work tree whose repository is gone, and one without git on the PATH: unknown, not clean', () => {
  fs.renameSync(path.join(root, '.git'), path.join(root, 'gone'));
  fs.writeFileSync(path.join(root, '.git'), 'gitdir: /no/such/place\n');
  unknown(/^git says: not a git repository: /);
  process.env.PATH = folder;
  unknown(/^git is not installed$/);
});

test('without a repository, and in a repository that does not hold it, the version says all', () => {
  const installed = path.join(repository('project', { '.gitignore': 'node_modules\n' }), 'node_modules');
  fs.mkdirSync(installed);
  for (const place of [installed, folder]) {
    fs.copyFileSync(path.join(root, 'package.json'), path.join(place, 'package.json'));
    assert.deepEqual(describeSource(place), { version: '1.2.3', commit: null, dirty: false });
  }
});

test('a detached head and a linked work tree know their commit', () => {
  git(root, 'checkout', '--quiet', '--detach');
  assert.deepEqual(describeSource(root), clean());
  git(root, 'worktree', 'add', '--quiet', '--detach', '../linked');
  assert.deepEqual(describeSource(path.join(folder, 'linked')), clean());
});

test('a shallow clone knows its commit', () => {
  fs.appendFileSync(path.join(root, 'package.json'), '\n');
  git(root, 'commit', '--quiet', '--all', '-m', 'two');
  git(folder, 'clone', '--quiet', '--depth', '1', `file://${root}`, 'shallow');
  assert.deepEqual(describeSource(path.join(folder, 'shallow')), clean());
});

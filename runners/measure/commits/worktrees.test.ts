/** Commits prepared to run, in a copy of this program; the packages are local, so that nothing is fetched. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { type Finished, startProgram, temporaryFolder } from '../../testing/command.ts';
import { OwnRepository } from '../../testing/own-repository.ts';

let folder = '';
let program: OwnRepository;
before(() => {
  folder = temporaryFolder();
  program = new OwnRepository(folder);
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

const trees = () => path.join(folder, 'cache/cowbench/trees');
const treeOf = (revision: string) => path.join(trees(), program.git('rev-parse', `${revision}^{tree}`));

/** Runs `code` with what this copy of the program has to say about commits. */
function withProgram(code: string): Promise<Finished> {
  const at = (file: string) => JSON.stringify(path.join(program.root, 'runners', file));
  const script = `
    import { resolveRevision } from ${at('measure/commits/git.ts')};
    import { evictTrees } from ${at('measure/commits/tree-cache.ts')};
    import { sourceTree } from ${at('measure/commits/worktrees.ts')};
    import { describeFailure } from ${at('console/errors.ts')};
    const prepare = (name) => sourceTree(resolveRevision(name), (line) => console.log(line));
    try { ${code} } catch (error) { console.log(JSON.stringify(describeFailure(error))); }`;
  const env = { ...process.env, XDG_CACHE_HOME: path.join(folder, 'cache') };
  return startProgram(process.execPath, ['--input-type=module', '-e', script], env).finished;
}

/** Commits a state of the program that needs one package, which lies in the repository itself. */
function commitWithPackage(name: string, lockedName: string): void {
  const place = path.join(program.root, 'local', name);
  fs.mkdirSync(place, { recursive: true });
  fs.writeFileSync(path.join(place, 'package.json'), JSON.stringify({ name, version: '1.0.0' }));
  const manifest = (dependency: string) => ({
    ...{ name: 'cowbench', version: '0.1.0', type: 'module' },
    dependencies: { [dependency]: `file:local/${dependency}` },
  });
  fs.writeFileSync(path.join(program.root, 'package.json'), JSON.stringify(manifest(name)));
  const packages = {
    '': manifest(lockedName),
    [`local/${lockedName}`]: { version: '1.0.0' },
    [`node_modules/${lockedName}`]: { resolved: `local/${lockedName}`, link: true },
  };
  const lock = { ...manifest(lockedName), lockfileVersion: 3, requires: true, packages };
  fs.writeFileSync(path.join(program.root, 'package-lock.json'), JSON.stringify(lock));
  program.commit(`needs ${name}`);
}

test('the same lock file shares the installed packages; another one gets packages of its own', async () => {
  const same = program.git('rev-parse', 'HEAD');
  commitWithPackage('other', 'other');
  const other = program.git('rev-parse', 'HEAD');
  program.git('checkout', '--quiet', '--detach', same);
  const { stdout, stderr } = await withProgram(`prepare('${same}'); prepare('${other}'); prepare('${other}');`);
  assert.deepEqual(
    stdout.trim().split('\n'),
    [same, other].map((commit) => `preparing ${commit.slice(0, 12)}`),
    stderr,
  );
  assert.equal(
    fs.readlinkSync(path.join(treeOf(same), 'node_modules')),
    fs.realpathSync(path.join(program.root, 'node_modules')),
  );
  const own = path.join(treeOf(other), 'node_modules');
  assert.ok(!fs.lstatSync(own).isSymbolicLink());
  // Only npm makes these.
  assert.ok(fs.existsSync(path.join(own, '.package-lock.json')));
  assert.equal(fs.realpathSync(path.join(own, 'other')), path.join(fs.realpathSync(treeOf(other)), 'local/other'));
});

test('packages that are gone are installed again: a cached tree may link to a work tree that was removed', async () => {
  const same = program.git('rev-parse', 'HEAD');
  await withProgram(`prepare('${same}');`);
  const link = path.join(treeOf(same), 'node_modules');
  const elsewhere = path.join(folder, 'elsewhere');
  for (const make of [() => undefined, () => fs.mkdirSync(elsewhere)]) {
    make();
    fs.rmSync(link);
    fs.symlinkSync(elsewhere, link);
    const { stdout } = await withProgram(`prepare('${same}');`);
    assert.equal(stdout.trim(), `preparing ${same.slice(0, 12)}`);
    assert.equal(fs.readlinkSync(link), fs.realpathSync(path.join(program.root, 'node_modules')));
  }
});

test('npm ci that fails is one line with the commit and what npm says, and the tree is not taken for complete', async () => {
  commitWithPackage('wanted', 'locked');
  const broken = program.git('rev-parse', 'HEAD');
  program.git('checkout', '--quiet', '--detach', 'HEAD~1');
  const { stdout } = await withProgram(`prepare('${broken}');`);
  const [, failure] = stdout.trim().split('\n');
  const { message, expected } = JSON.parse(failure!);
  assert.equal(expected, true);
  assert.match(message, new RegExp(`^npm ci failed for commit ${broken.slice(0, 12)}: .*npm ci.* \\(EUSAGE\\)$`));
  assert.ok(!fs.existsSync(path.join(treeOf(broken), '.cowbench-ready')));
});

test('a cache directory in which nothing can be made is one line', async () => {
  const plain = path.join(folder, 'plain');
  fs.writeFileSync(plain, '');
  const { stdout } = await withProgram(`process.env.XDG_CACHE_HOME = ${JSON.stringify(plain)}; prepare('HEAD');`);
  const { message, expected } = JSON.parse(stdout.trim().split('\n').at(-1)!);
  assert.equal(expected, true);
  assert.match(message, /^cannot write .*\/plain\/cowbench\/trees\/\w+: a part of the path is not a directory$/);
});

test('the trees used last are kept, and those that a living process uses; git forgets the others', async () => {
  fs.rmSync(trees(), { recursive: true, force: true });
  const commits = [...Array(5).keys()].map((index) => {
    fs.writeFileSync(path.join(program.root, 'note'), `${index}`);
    program.commit(`note ${index}`);
    return program.git('rev-parse', 'HEAD');
  });
  await withProgram(commits.map((commit) => `prepare('${commit}');`).join(' '));
  const dead = spawnSync(process.execPath, ['--version']).pid;
  const used = (index: number) => path.join(treeOf(commits[index]!), '.cowbench-used');
  const use = (index: number, pid: number, hour: number) => {
    fs.writeFileSync(used(index), `${pid}\n`);
    fs.utimesSync(used(index), hour * 3600, hour * 3600);
  };
  for (const [index, hour] of [1, 5, 2, 4, 3].entries()) use(index, index === 0 ? process.pid : dead, hour);
  await withProgram('evictTrees(2);');
  const kept = [0, 1, 3].map((index) => path.basename(treeOf(commits[index]!)));
  assert.deepEqual(fs.readdirSync(trees()).sort(), kept.sort());
  const listed = [...program.git('worktree', 'list', '--porcelain').matchAll(/^worktree .*\/trees\/(\w+)$/gm)];
  assert.deepEqual(listed.map(([, tree]) => tree).sort(), kept);
});

/** Commits are compared by the real command line, in a copy of this program with changes planted in it. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { sampleRecord } from '../../../results/testing/sample-record.ts';
import { recordOf, temporaryFolder } from '../../testing/command.ts';
import { OwnRepository } from '../../testing/own-repository.ts';
import { trendCost } from './trend.ts';

let folder = '';
let program: OwnRepository;
before(() => {
  folder = temporaryFolder();
  program = new OwnRepository(folder);
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Counts only, on a device that takes no time. */
const COUNTS = ['--rounds', '1', '--device', 'model:nvme-plp', '--policy', 'writeback', '--no-report', '--quiet'];
const small = (...words: string[]) => [...words, '-w', 'overwrite', '--span', '1M', '--writes', '32', ...stored()];
const stored = () => [...COUNTS, '--out', path.join(folder, 'runs'), '--dir', folder];

test('one planted sync is found in a single round, exactly', async () => {
  program.edit(
    'engine/image/qcow2-image.ts',
    '    this.#closed = true;',
    "    this.#parts.file.sync('other');\n    this.#closed = true;",
  );
  program.commit('one sync more');
  const { code, stdout, stderr } = await program.cowbench(...small('compare', 'HEAD~1', 'HEAD'), '--json');
  assert.equal(code, 1, stderr);
  const { cells, comparisons } = recordOf({ code, stdout, stderr });
  const [base, head] = cells;
  assert.equal(head!.exact!.fsyncs, base!.exact!.fsyncs + 1);
  assert.match(
    stderr,
    new RegExp(`^regression: ${head!.id}: fsyncs ${base!.exact!.fsyncs} -> ${head!.exact!.fsyncs}$`, 'm'),
  );
  const [comparison] = comparisons!;
  assert.deepEqual([comparison!.baseline, comparison!.candidate], [base!.id, head!.id]);
  assert.equal(comparison!.exact!.verdict, 'different');
  assert.ok(comparison!.exact!.differences.some(({ metric }) => metric === 'syncsByCause.other'));
});

test('a commit compared with itself counts the same, and its tree is prepared once', async () => {
  const aloud = small('compare', 'HEAD', 'HEAD').filter((word) => word !== '--quiet');
  const { code, stdout, stderr } = await program.cowbench(...aloud);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^expected: 1 worktree of \d+ MiB in .*trees, more where packages differ$/m);
  assert.match(stderr, /^(?:about \d+ m?s|no run of this kind).*; one image at a time, at most about 1 MiB$/m);
  assert.match(stdout, /^writeback @ head \w{7}: all counts equal$/m);
  assert.equal(fs.readdirSync(path.join(folder, 'cache/cowbench/trees')).length, 2);
});

test('a trend marks the commit that changed a count, and measures nothing twice, in shards or at once', async () => {
  const shards = await Promise.all(
    ['1/2', '2/2'].map((shard) => program.cowbench(...small('trend', 'HEAD'), '--json', '--shard', shard)),
  );
  const shares = shards.map(({ stdout }) => JSON.parse(stdout).commits as { run: string }[]);
  assert.deepEqual(
    shares.map(({ length }) => length),
    [1, 1],
  );
  const first = await program.cowbench(...small('trend', 'HEAD'), '--json');
  assert.equal(first.code, 0, first.stderr);
  const { commits, series } = JSON.parse(first.stdout);
  const runs = (of: readonly { run: string }[]) => of.map(({ run }) => run).sort();
  assert.deepEqual(runs(commits), runs(shares.flat()), 'what the shards measured is not measured again');
  assert.deepEqual(
    commits.map(({ subject }: { subject: string }) => subject),
    ['as it is', 'one sync more'],
  );
  const syncs = series.find(({ metric }: { metric: string }) => metric === 'fsyncs');
  assert.equal(syncs.values[1], syncs.values[0] + 1);
  assert.deepEqual(syncs.changes, [1]);
});

test('what a trend will cost is judged by what was measured of the same plan, and not guessed', () => {
  const work = { plan: { directory: '/images' }, workload: { diskSizeBytes: 2 ** 20 } };
  const measured = (measuringMs: number) => sampleRecord({ measuringMs });
  const line = (commits: number, ...records: (number | null)[]) =>
    trendCost(
      commits,
      records.map((ms) => (ms === null ? null : measured(ms))),
      work,
      2 ** 20,
    );
  assert.equal(line(0, 4000), null);
  assert.match(
    line(30, null)!,
    /^expected: 30 commits to measure, how long is said after the first; up to 1 MiB in \/images, 20 worktrees of 1 MiB in /,
  );
  assert.match(line(30, 4000, null, 9000, 6000)!, /^expected: about 3 min \(30 commits to measure\); up to 1 MiB in /);
});

test('a trend over a trace that changed under its name measures it anew', async () => {
  const trace = path.join(folder, 'w.log');
  const writes = async (count: number) => {
    const lines = Array.from({ length: count }, (_, index) => `${index} f write ${index * 65536} 4096\n`);
    fs.writeFileSync(trace, `fio version 3 iolog\n${lines.join('')}`);
    const { code, stdout, stderr } = await program.cowbench(
      'trend',
      'HEAD~1..HEAD',
      '-w',
      `trace:${trace}`,
      ...stored(),
      '--json',
    );
    assert.equal(code, 0, stderr);
    const { series } = JSON.parse(stdout);
    return series.find(({ metric }: { metric: string }) => metric === 'imageBytes').values[0];
  };
  const [one, four] = [await writes(1), await writes(4)];
  assert.equal(four - one, 3 * 65536);
});

test('what cannot be compared is one line and exit code 2', async () => {
  const refusal = async (...words: string[]) => {
    const { code, stdout, stderr } = await program.cowbench(...words);
    assert.deepEqual([code, stdout], [2, ''], stderr);
    assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    return stderr;
  };
  assert.match(await refusal('compare', 'nosuch', 'HEAD'), /no commit "nosuch" in this repository/);
  assert.match(await refusal('trend', 'nosuch..HEAD'), /"nosuch\.\.HEAD" is no range of commits/);
  program.edit('package.json', '"license": "MIT"', '"license": "none"');
  assert.match(await refusal(...small('compare', 'HEAD~1', 'HEAD')), /uncommitted changes \(package\.json\): commit/);
  program.git('rm', '--quiet', 'runners/sample/worker.ts');
  program.commit('no worker');
  assert.match(
    await refusal(...small('compare', 'HEAD~1', 'HEAD')),
    /commit \w{12} \(HEAD\) has no runners\/sample\/worker\.ts/,
  );
});

test('what git refuses is passed on in its own words, not taken for a missing commit', async () => {
  const distrusted = { GIT_TEST_ASSUME_DIFFERENT_OWNER: '1' };
  for (const words of [
    ['compare', 'HEAD', 'HEAD'],
    ['trend', 'HEAD'],
    ['gate', '--baseline', 'HEAD'],
  ]) {
    const { code, stderr } = await program.start(words, distrusted).finished;
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^cowbench: git \S+: detected dubious ownership .*safe\.directory/);
  }
});

test('a commit past the end of a shallow clone: how much the clone has, and what brings the rest', async () => {
  const cut = path.join(program.root, '.git/shallow');
  fs.writeFileSync(cut, `${program.git('rev-parse', 'HEAD')}\n`);
  try {
    for (const words of [
      ['compare', 'HEAD~1', 'HEAD'],
      ['trend', 'HEAD~1..HEAD'],
      ['gate', '--baseline', 'HEAD~1'],
    ]) {
      const { code, stderr } = await program.cowbench(...words);
      assert.equal(code, words[0] === 'gate' ? 3 : 2, stderr);
      assert.match(stderr, /\(a shallow clone of 1 commit: git fetch --unshallow brings the others\)$/m);
    }
    const aloud = small('trend', 'HEAD').filter((word) => word !== '--quiet');
    const whole = await program.cowbench(...aloud, '--json');
    assert.doesNotMatch(whole.stderr, /^expected/m);
    assert.match(whole.stderr, /^the range begins where this clone is cut off \(a shallow clone/m);
    assert.equal(JSON.parse(whole.stdout).commits.length, 1);
  } finally {
    fs.rmSync(cut);
  }
});

test('the gate: 1 for the planted sync, 3 without a baseline, 2 for a damaged one', async () => {
  const gate = (...words: string[]) => program.cowbench('gate', '--quiet', ...words);
  const planted = await gate('--baseline', 'HEAD', '--summary', path.join(folder, 'summary.md'));
  assert.equal(planted.code, 1, planted.stderr);
  assert.match(planted.stdout, /^## cowbench gate: regression$/m);
  assert.match(planted.stdout, /\*\*fsyncs\*\*/);
  assert.equal(fs.readFileSync(path.join(folder, 'summary.md'), 'utf8'), planted.stdout);
  assert.equal((await gate('--baseline', 'HEAD~5')).code, 3);
  fs.writeFileSync(path.join(folder, 'damaged.json'), '{"format": 1, "points": 7}');
  const damaged = await gate('--baseline', path.join(folder, 'damaged.json'));
  assert.deepEqual([damaged.code, damaged.stderr.split('\n').length], [2, 2], damaged.stderr);
});

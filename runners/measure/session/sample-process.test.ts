/** Workers of this and of earlier commits, and programs that are none, on the other side of the sample protocol. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SAMPLE_PROTOCOL } from '../../../results/sample-protocol.ts';
import { SampleFailure } from '../../console/errors.ts';
import { PROJECT_ROOT } from '../../console/project-root.ts';
import { askGit, environmentWithoutRepository } from '../../machine/git-command.ts';
import type { SampleJob } from '../../sample/job.ts';
import { temporaryFolder } from '../../testing/command.ts';
import { testTools } from '../../testing/tools.ts';
import { takeSample } from './sample-process.ts';

let folder = '';
before(() => {
  folder = temporaryFolder();
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

const CELL = { policy: 'writeback', stage: 'S4b', hostCacheMode: 'unsafe', version: 3 } as const;
const WORKLOAD = { name: 'overwrite', parameters: { span: '1M', writes: '32' }, seed: 1, limit: null } as const;

function sampleOf(root: string, traced = true) {
  const job: SampleJob = {
    imageFile: path.join(folder, `${path.basename(root)}.qcow2`),
    workload: { ...WORKLOAD, guestFlush: 'recorded', discard: 'ignore' },
    cell: { ...CELL, clusterSizeBytes: 65536, l2CacheTables: 16, refcountCacheTables: 4 },
    traced,
  };
  return takeSample(job, new AbortController().signal, () => {}, root);
}

/** The commits that ever touched `file`, oldest first; none where this is no clone with its history. */
function commitsOf(file: string): string[] {
  if (testTools().missing.includes('git')) return [];
  const { text } = askGit(PROJECT_ROOT, ['log', '--reverse', '--format=%H', '--', file]);
  return text === null || text === '' ? [] : text.split('\n');
}

/** The program as it was at `commit`, with the packages of this one. */
function programAt(commit: string, name: string): string {
  const root = path.join(folder, name);
  const archive = `${root}.tar`;
  fs.mkdirSync(root);
  const parts = ['engine', 'runners', 'results', 'dashboards', 'workloads', 'package.json'];
  execFileSync('git', ['archive', '-o', archive, commit, ...parts, ':(exclude)workloads/traces'], {
    ...{ cwd: PROJECT_ROOT, env: environmentWithoutRepository() },
  });
  execFileSync('tar', ['-xf', archive, '-C', root]);
  fs.symlinkSync(path.join(PROJECT_ROOT, 'node_modules'), path.join(root, 'node_modules'));
  return root;
}

describe('workers of earlier commits', () => {
  const [moved] = commitsOf('runners/measure/session/sample-process.ts');
  const [spoken] = commitsOf('results/sample-protocol.ts');
  const skip =
    moved === undefined || spoken === undefined ? 'NOT TESTED: this needs git, and a clone with its history' : false;

  for (const [name, commit] of [
    ['the last before the folders of runners moved', `${moved}~1`],
    ['the last that did not say its protocol', `${spoken}~1`],
  ] as const) {
    test(`${name} starts and is understood`, { skip }, async () => {
      const earlier = await sampleOf(programAt(commit, name.replaceAll(' ', '-')));
      const now = await sampleOf(PROJECT_ROOT);
      assert.equal(earlier.verification.content, 'equal');
      assert.deepEqual(earlier.exact.byKind, now.exact.byKind);
      assert.deepEqual(earlier.exact.guest, now.exact.guest);
      assert.equal(earlier.times.wallNs > 0, true);
    });
  }
});

test('the worker of this program says its protocol, and what only a traced sample knows is null otherwise', async () => {
  const traced = await sampleOf(PROJECT_ROOT);
  const plain = await sampleOf(PROJECT_ROOT, false);
  assert.notEqual(traced.syncKinds, null);
  assert.deepEqual([plain.syncKinds, plain.fileMap], [null, null]);
  assert.deepEqual(plain.exact, traced.exact);
});

/** A program whose worker, not in the first place, answers each message with these. */
function programAnswering(name: string, ...answers: object[]): string {
  const root = path.join(folder, name);
  fs.mkdirSync(path.join(root, 'elsewhere'), { recursive: true });
  fs.writeFileSync(path.join(root, 'package.json'), '{"type": "module", "cowbench": {"worker": "elsewhere/w.ts"}}');
  const text = `process.once('message', () => { for (const answer of ${JSON.stringify(answers)}) process.send!(answer); });`;
  fs.writeFileSync(path.join(root, 'elsewhere/w.ts'), text);
  return root;
}

async function refusal(...answers: object[]): Promise<string> {
  const failure = await sampleOf(programAnswering(`fake-${fs.readdirSync(folder).length}`, ...answers)).then(
    () => assert.fail('no failure'),
    (error: unknown) => error,
  );
  assert.ok(failure instanceof SampleFailure && failure.expected);
  assert.equal(failure.message.includes('\n'), false);
  return failure.message;
}

describe('another protocol', () => {
  test('a worker that speaks a later one, or none that could be known, is refused in one line', async () => {
    const later = await refusal({ protocol: SAMPLE_PROTOCOL + 1, type: 'progress', part: 'replay', requests: 1 });
    assert.equal(
      later,
      `the worker speaks sample protocol ${SAMPLE_PROTOCOL + 1}, this side only 1 to ${SAMPLE_PROTOCOL}: compare with the newer commit checked out`,
    );
    assert.match(await refusal({ protocol: ['odd'], type: 'done' }), /^the worker speaks sample protocol \["odd"\], /);
  });

  test('a message that is none is refused by the place where it is wrong', async () => {
    assert.match(await refusal({ type: 'done', result: { exact: 7 } }), /does not keep to sample protocol 2: result\./);
    assert.match(await refusal({ type: 'gone' }), /does not keep to sample protocol 2: type: /);
    assert.match(await refusal({ type: 'progress', part: 'replay', requests: -1 }), /: requests: /);
  });

  test('the first message that is refused ends it, whatever follows', async () => {
    const failed = { protocol: SAMPLE_PROTOCOL, type: 'failed', message: 'later', expected: true, stack: '' };
    assert.match(await refusal({ type: 'gone' }, failed), /: type: /);
  });

  test('a job in a later one is refused by the worker', async () => {
    const job = { protocol: SAMPLE_PROTOCOL + 1 } as unknown as SampleJob;
    await assert.rejects(
      takeSample(job, new AbortController().signal, () => {}),
      {
        message: new RegExp(`^the runner speaks sample protocol ${SAMPLE_PROTOCOL + 1}, this side only 1 to `),
      },
    );
  });
});

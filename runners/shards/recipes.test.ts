/** The recipes of docs/shards.md: each starts every shard once and then merges what they leave; the manifests are what their schemas say. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { validateWorkflow } from '@action-validator/core';
import { Job } from 'kubernetes-models/batch/v1';
import { parse } from 'yaml';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { temporaryFolder } from '../testing/command.ts';
import { leftOutReason, testTools } from '../testing/tools.ts';
import { shardOf } from './shard.ts';

const isLeftOut = (process.env.CI ?? '') === '' && testTools().missing.includes('parallel');
const read = (file: string) => fs.readFileSync(path.join(PROJECT_ROOT, 'docs', file), 'utf8');
const MANIFEST = read('shards/kubernetes-job.yaml');
const WORKFLOW = read('shards/github-workflow.yaml');

const MATRIX_INDEX = /\$\{\{ matrix\.index \}\}/g;

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
  // Stands in for npm: writes down its words, a line each call, and makes the file of --out.
  const script =
    '#!/bin/sh\necho "$*" >> calls\nfor word; do [ "$last" = --out ] && echo {} > "$word"; last=$word; done\n';
  fs.writeFileSync(path.join(folder, 'npm'), script, { mode: 0o755 });
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

/** Runs `script` with that npm. */
function shell(script: string, env: NodeJS.ProcessEnv = {}): void {
  const PATH = `${folder}:${process.env.PATH}`;
  const { status, stderr } = spawnSync('sh', ['-c', script], { cwd: folder, env: { ...process.env, ...env, PATH } });
  assert.equal(status, 0, String(stderr));
}

const CALL = /^run -s cowbench -- safety --length 3 --shard (\S+) --out (\S+)$/;

/** Asserts that npm was asked for each of seven shards once, each with a file of its own, and for the merge of these. */
function assertAllShards(): void {
  const calls = fs.readFileSync(path.join(folder, 'calls'), 'utf8').trimEnd().split('\n');
  const shards = calls.flatMap((call) => {
    const found = CALL.exec(call);
    return found === null ? [] : [{ shard: shardOf(found[1]!), out: found[2]! }];
  });
  assert.deepEqual(shards.map(({ shard }) => shard.index).sort(), [1, 2, 3, 4, 5, 6, 7]);
  assert.ok(shards.every(({ shard }) => shard.count === 7));
  const outs = shards.map(({ out }) => out).sort();
  assert.equal(new Set(outs).size, 7);
  const merges = calls.filter((call) => call.includes('--merge'));
  assert.deepEqual(merges, [`run -s cowbench -- safety --merge ${outs.join(' ')} --out safety.md`]);
  assert.equal(calls.length, 8);
}

test('GNU parallel: the commands of the page', { skip: isLeftOut && leftOutReason('parallel') }, () => {
  const block = /```sh\n(parallel [^`]*)```/.exec(read('shards.md'))![1]!;
  shell(block, { PARALLEL_HOME: folder });
  assertAllShards();
});

test('Kubernetes: the manifest keeps its schema, and its pods start each shard once', () => {
  const manifest = parse(MANIFEST);
  new Job(manifest).validate();
  assert.throws(() => new Job({ ...manifest, spec: { ...manifest.spec, completions: '7' } }).validate());
  const { completions, completionMode, template } = manifest.spec;
  assert.equal(completionMode, 'Indexed');
  const [container] = template.spec.containers;
  const [program, option, script] = container.command;
  assert.deepEqual([program, option], ['sh', '-c']);
  const [{ mountPath }] = container.volumeMounts;
  for (let index = 0; index < completions; index++) {
    shell(script.replaceAll(mountPath, '.'), { JOB_COMPLETION_INDEX: String(index) });
  }
  const merge = /```sh\n(.* safety --merge \/parts\/[^`]*)```/.exec(read('shards.md'))![1]!;
  shell(merge.replaceAll(mountPath, '.'));
  assertAllShards();
});

test('CI: the workflow keeps its schema, and its matrix starts each shard once', () => {
  assert.deepEqual(validateWorkflow(WORKFLOW).errors, []);
  assert.notDeepEqual(validateWorkflow(WORKFLOW.replace('runs-on: ubuntu-latest', 'runs-on: 3')).errors, []);
  const { shard, merge } = parse(WORKFLOW).jobs;
  assert.deepEqual(merge.needs, 'shard');
  const runs = ({ steps }: { steps: { run?: string }[] }) =>
    steps.flatMap(({ run }) => (run?.includes('safety') === true ? [run] : []));
  for (const index of shard.strategy.matrix.index) {
    for (const run of runs(shard)) shell(run.replaceAll(MATRIX_INDEX, String(index)));
  }
  for (const run of runs(merge)) shell(run);
  assertAllShards();
});

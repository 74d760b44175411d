/** The short form of `cowbench explore`. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { FinishedParts } from '../../shards/finished-parts.ts';
import { FINDING_CLASSES } from '../judge/state-verdict.ts';
import { randomWorkload } from '../requests/random-workload.ts';
import { type GroupTally, judgeManyStates, type ManyStatesScope, manyStatesOf, shareOfStates } from './many-states.ts';

const SCOPE: ManyStatesScope = { policies: ['ordered', 'reserve'], length: 1, seed: 1 };
const GOAL = 6000;

let folder: string;
let groups: readonly GroupTally[];

/** Does the work, or begins it and is interrupted after some parts. */
async function judge(name: string, partsMax = Number.MAX_SAFE_INTEGER): Promise<FinishedParts> {
  const finished = new FinishedParts(path.join(folder, name), SCOPE);
  const interruption = new AbortController();
  await judgeManyStates(SCOPE, GOAL, finished, {
    onStates: () => finished.count >= partsMax && interruption.abort(),
    onPart: () => {},
    signal: interruption.signal,
  });
  return finished;
}

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  const interrupted = await judge('parts', 40);
  assert.ok(interrupted.count < 100, 'it ended early');
  groups = manyStatesOf(SCOPE, GOAL, await judge('parts'));
});
after(() => fs.rmSync(folder, { recursive: true }));

test('sequences and random workloads under the recommended policies break no promise', () => {
  const states = groups.reduce((sum, { tally }) => sum + tally.states, 0);
  assert.ok(states >= GOAL, `${states} states`);
  assert.deepEqual(
    [...new Set(groups.map(({ group }) => `${group.work} ${group.policy}`))],
    ['sequences ordered', 'sequences reserve', 'random ordered', 'random reserve'],
  );
  for (const { group, tally } of groups) {
    const found = FINDING_CLASSES.filter((kind) => tally.findings[kind] > 0);
    assert.deepEqual(found, ['copiedOnly'], JSON.stringify(group));
    assert.equal(tally.failedRequests, 0, tally.firstFailure ?? '');
    assert.ok(tally.repairs > 0);
  }
});

test('what is judged does not depend on interruptions, nor on which thread was faster', () => {
  const names = fs.readFileSync(path.join(folder, 'parts'), 'utf8').split('\n').slice(1, -1);
  const first = manyStatesOf(SCOPE, GOAL, new FinishedParts(path.join(folder, 'parts'), SCOPE));
  assert.deepEqual(first, groups);
  assert.equal(new Set(names.map((line) => JSON.parse(line)[0])).size, names.length, 'nothing is judged twice');
});

test('in shards, each for itself, and merged: the same, however it is split', async () => {
  const whole = new FinishedParts(path.join(folder, 'parts'), SCOPE);
  for (const count of [2, 3]) {
    const merged = new FinishedParts(path.join(folder, `of-${count}`), SCOPE);
    for (let index = 1; index <= count; index++) {
      // What a shard finds in the whole, it need not judge again here.
      const own = new FinishedParts(path.join(folder, `${index}-of-${count}`), SCOPE);
      const names = shareOfStates(SCOPE, { index, count }, 10_000);
      for (const [name, tally] of whole.all) if (names.has(name)) own.keep(name, tally);
      const states = { judged: 0 };
      await judgeManyStates(SCOPE, GOAL, own, {
        shard: { index, count },
        onStates: (judged) => (states.judged = judged),
        onPart: () => {},
        signal: new AbortController().signal,
      });
      assert.ok(states.judged >= GOAL / count);
      for (const name of own.all.keys()) assert.ok(names.has(name), `${name} is of another shard`);
      for (const [name, tally] of own.all) merged.keep(name, tally);
    }
    assert.equal(merged.all.size, new Set(merged.all.keys()).size);
    await judgeManyStates(SCOPE, GOAL, merged, {
      onStates: () => {},
      onPart: () => {},
      signal: new AbortController().signal,
    });
    assert.deepEqual(manyStatesOf(SCOPE, GOAL, merged), groups);
  }
});

test('a random workload is decided by its seed, and asks for everything', () => {
  const shape = { clusterSizeBytes: 512, cacheTables: null };
  assert.deepEqual(randomWorkload(7, shape), randomWorkload(7, shape));
  assert.notDeepEqual(randomWorkload(7, shape).during, randomWorkload(8, shape).during);
  const asked = new Set<string>();
  for (let seed = 0; seed < 100; seed++) for (const { op } of randomWorkload(seed, shape).during) asked.add(op);
  assert.deepEqual([...asked].sort(), [
    ...['discard', 'flush', 'reopen', 'resize', 'snapshot-apply', 'snapshot-create', 'snapshot-delete'],
    ...['vmstate-write', 'write', 'write-compressed', 'write-zeroes'],
  ]);
});

/** What is known of the stages of history must come out of the explorer by itself. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PolicyName, StageId } from '../../../engine/index.ts';
import { FINDING_CLASSES } from '../judge/state-verdict.ts';
import { namedWorkloads } from '../requests/named-workloads.ts';
import { type CrashRecording, recordWorkload } from '../states/record-workload.ts';
import { type Exploration, exploreRecording } from './explore.ts';
import { tellStory } from './story.ts';

const OPTIONS = { statesPerPoint: 4096, seed: 1 };

function recorded(name: string, policy: PolicyName, stage: StageId | null = null): CrashRecording {
  const workloads = namedWorkloads({ clusterSizeBytes: 4096, cacheTables: null });
  return recordWorkload(workloads.find((workload) => workload.name === name)!, { policy, stage, hostCacheMode: null });
}

function explored(name: string, policy: PolicyName, stage: StageId | null = null): Exploration {
  return exploreRecording(recorded(name, policy, stage), OPTIONS);
}

function found({ findings }: Exploration): string[] {
  return FINDING_CLASSES.filter((kind) => findings[kind] > 0);
}

describe('first writes after a snapshot', () => {
  for (const stage of ['S1', 'S2', 'S3'] as const) {
    test(`${stage} frees the shared L2 table before its copy is published: corrupt`, () => {
      assert.deepEqual(found(explored('after-snapshot', 'writeback', stage)), ['corrupt']);
    });
  }
  test('S0 too', () => assert.deepEqual(found(explored('after-snapshot', 'legacy')), ['corrupt']));
  for (const stage of ['S4a', 'S4b'] as const) {
    test(`${stage} mends it`, () => assert.deepEqual(found(explored('after-snapshot', 'writeback', stage)), []));
  }
});

describe('snapshot operations are unsafe in every stage', () => {
  const cases: [string, PolicyName, StageId | null][] = [
    ['snapshot-delete', 'legacy', null],
    ['snapshot-delete', 'writethrough', null],
    ['snapshot-delete', 'writeback', null],
    ['snapshot-apply', 'legacy', null],
    ['snapshot-apply', 'writethrough', null],
    ['snapshot-apply', 'writeback', null],
    ['snapshot-create', 'writeback', 'S1'],
    ['snapshot-create', 'writeback', 'S4b'],
  ];
  for (const [name, policy, stage] of cases) {
    test(`${name}, ${policy} ${stage ?? ''}: corrupt`, () => {
      assert.ok(found(explored(name, policy, stage)).includes('corrupt'));
    });
  }

  test('writeback returns from a snapshot before what it needs is durable', () => {
    const recording = recorded('snapshot-create', 'writeback');
    const { events } = recording;
    const create = recording.values.requests.findIndex(({ op }) => op === 'snapshot-create');
    const ack = events.findIndex(
      (event) => event.op === 'mark' && event.mark.request === create && event.mark.phase === 'ack',
    );
    const afterAck = exploreRecording({ ...recording, events: events.slice(0, ack + 1) }, OPTIONS);
    const last = afterAck.examples.corrupt;
    assert.equal(last?.kind, 'corrupt');
  });
});

describe('without snapshots, every policy keeps its promises', () => {
  for (const policy of ['legacy', 'writethrough', 'writeback'] as const) {
    for (const name of ['allocate', 'eviction', 'create', 'lazy-copy', 'lazy-close']) {
      test(`${policy}: ${name}`, () => assert.deepEqual(found(explored(name, policy)), []));
    }
  }
});

describe('a place that is given up and used again before that is durable', () => {
  test('writeback loses a durable compressed cluster', () => {
    const exploration = explored('reuse-compressed', 'writeback');
    assert.ok(found(exploration).some((kind) => kind === 'lost' || kind === 'foreign'));
    assert.equal(exploration.findings.corrupt, 0, 'the checker alone does not see it');
  });
  test('writeback shows new data in the place of discarded data', () => {
    const exploration = explored('reuse-discarded', 'writeback');
    assert.deepEqual(found(exploration), ['foreign']);
  });
});

test('a stale COPIED flag after going back to a snapshot does its damage only in the second phase', () => {
  const recording = recorded('snapshot-apply', 'writethrough');
  assert.ok(exploreRecording(recording, OPTIONS).findings.secondPhase > 0);
  const { findings } = exploreRecording(recording, { ...OPTIONS, secondPhase: false });
  assert.equal(findings.secondPhase + findings.lost + findings.foreign + findings.snapshot, 0);
});

test('the story of the L2 copy: what the guest did, what reached the disk, what it finds', () => {
  const recording = recorded('after-snapshot', 'writeback', 'S3');
  const { examples } = exploreRecording(recording, OPTIONS);
  const story = tellStory(recording, examples.corrupt!);
  assert.equal(story[0], 'after-snapshot, 4096-byte clusters');
  assert.ok(story.some((line) => /^request 2: snapshot-create old \(setup, already on disk\)$/.test(line)));
  assert.ok(story.some((line) => /a refcount block, 4096 bytes at 0x2000: reached the disk/.test(line)));
  assert.match(
    story.at(-1)!,
    /^after the restart the image is corrupt: cluster at 0x4000 has refcount 1, but 2 references$/,
  );
});

/**
 * What is known of QEMU 7.2 must come out of the explorer by itself, from the log that the installed QEMU writes. A version that
 * fixes one of these defects makes its test fail: that is news for docs/safety.md, not a fault here.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { checkImage, decodeWriteLog, encodeWriteLog, MemoryFile, Qcow2Error } from '../../../engine/index.ts';
import { toolVersion } from '../../qemu/tools.ts';
import { cowbench } from '../../testing/command.ts';
import { type Exploration, exploreRecording } from '../explore/explore.ts';
import type { CounterExample } from '../explore/explore-point.ts';
import { tellStory } from '../explore/story.ts';
import { FINDING_CLASSES } from '../judge/state-verdict.ts';
import type { CrashWorkload } from '../requests/crash-workload.ts';
import { namedWorkloads } from '../requests/named-workloads.ts';
import { CrashTimeline } from '../states/crash-points.ts';
import { PlacedState } from '../states/placed-state.ts';
import type { CrashRecording } from '../states/record-workload.ts';
import { exploreByQemu, exploreNamedByQemu } from './qemu-exploration.ts';
import { recordByQemu, whyNotByQemu } from './qemu-recording.ts';

const OPTIONS = { statesPerPoint: 4096, seed: 1 };
const CLUSTER_SIZES = [512, 4096];

function workloadNamed(name: string, clusterSizeBytes: number): CrashWorkload {
  return namedWorkloads({ clusterSizeBytes, cacheTables: null }).find((workload) => workload.name === name)!;
}

async function explored(name: string, cluster: number): Promise<{ recording: CrashRecording; found: Exploration }> {
  const recording = await recordByQemu(workloadNamed(name, cluster));
  const found = exploreRecording(recording, OPTIONS);
  assert.equal(found.exhaustivePoints, found.points);
  return { recording, found };
}

function classes({ findings }: Exploration): string[] {
  return FINDING_CLASSES.filter((kind) => findings[kind] > 0);
}

/** A letter for each change, a bar for each mark. */
function shapeOf({ events }: CrashRecording): string {
  return events.map(({ op }) => (op === 'mark' ? '|' : op[0])).join('');
}

/** The file in the state of `example`. */
function stateOf(recording: CrashRecording, example: CounterExample): Uint8Array {
  const timeline = new CrashTimeline(recording);
  for (const point of timeline.points()) {
    if (point.index !== example.pointIndex) continue;
    const placed = new PlacedState(timeline, point);
    placed.put(Uint16Array.from(example.vector));
    placed.setSize(example.sizeBytes);
    return timeline.file.copy();
  }
  throw new Error(`there is no point ${example.pointIndex}`);
}

function inFolder<T>(work: (folder: string) => T): T {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  try {
    return work(folder);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

before(() => {
  // A machine without the programs fails here, with the words that say what to install.
  toolVersion('qemu-io');
  toolVersion('qemu-img');
});

describe('QEMU reuses the place of a cluster before its release is durable', () => {
  const cases = [
    ['reuse-compressed', 'lost'],
    ['reuse-discarded', 'foreign'],
  ] as const;
  for (const [name, kind] of cases) {
    for (const cluster of CLUSTER_SIZES) {
      test(`${name}, ${cluster}-byte clusters: ${kind}, while the checkers see leaks at most`, async () => {
        const { recording, found } = await explored(name, cluster);
        assert.deepEqual(classes(found), [kind]);
        const state = stateOf(recording, found.examples[kind]!);
        const { corruptions, checkErrors, copiedErrors } = checkImage(new MemoryFile('state', state));
        assert.deepEqual([corruptions, checkErrors, copiedErrors], [0, 0, 0]);
        assert.match(String(qemuCheck(state)), /^[03]$/);
      });
    }
  }
});

/** The exit code of qemu-img check: 0 sound, 2 corrupt, 3 leaks. */
function qemuCheck(state: Uint8Array): number | null {
  return inFolder((folder) => {
    const image = path.join(folder, 'state.qcow2');
    fs.writeFileSync(image, state);
    try {
      execFileSync('qemu-img', ['check', '-q', '-f', 'qcow2', image], { stdio: 'ignore' });
      return 0;
    } catch (error) {
      return (error as { status: number | null }).status;
    }
  });
}

describe('QEMU going back to a snapshot leaves COPIED where it is shared', () => {
  for (const cluster of CLUSTER_SIZES) {
    test(`${cluster}-byte clusters: the next write of QEMU itself changes the snapshot`, async () => {
      const { recording, found } = await explored('snapshot-apply', cluster);
      assert.deepEqual(classes(found), ['secondPhase', 'copiedShared']);
      const state = stateOf(recording, found.examples.secondPhase!);
      inFolder((folder) => {
        const image = path.join(folder, 'state.qcow2');
        fs.writeFileSync(image, state);
        const then = snapshotContent(folder, image);
        execFileSync('qemu-io', ['-f', 'qcow2', '-c', `write -q -P 7 ${cluster} 512`, image]);
        assert.notDeepEqual(snapshotContent(folder, image), then);
      });
    });
  }
});

function snapshotContent(folder: string, image: string): Buffer {
  const raw = path.join(folder, 'snapshot.raw');
  execFileSync('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', '-l', 'old', image, raw]);
  return fs.readFileSync(raw);
}

describe('QEMU snapshot operations pass through states whose COPIED flags alone are wrong', () => {
  const flags = {
    'snapshot-create': 'copiedOnly',
    'snapshot-apply': 'copiedShared',
    'snapshot-delete': 'copiedOnly',
  } as const;
  for (const [name, kind] of Object.entries(flags)) {
    for (const cluster of CLUSTER_SIZES) {
      test(`${name}, ${cluster}-byte clusters: qemu-img check calls it corrupt`, async () => {
        const { recording, found } = await explored(name, cluster);
        assert.ok(found.findings[kind] > 0);
        assert.equal(found.findings.corrupt, 0);
        assert.equal(qemuCheck(stateOf(recording, found.examples[kind]!)), 2);
      });
    }
  }
});

describe('the recording', () => {
  test('has a mark before and after each request, and survives our own log', async () => {
    const { events, values } = await recordByQemu(workloadNamed('snapshot-delete', 4096));
    assert.deepEqual(
      events.flatMap((event) => (event.op === 'mark' ? [`${event.mark.request} ${event.mark.phase}`] : [])),
      values.requests.flatMap((_, index) => (index < 3 ? [] : [`${index} start`, `${index} ack`])),
    );
    assert.ok(events.some(({ op }) => op === 'punch'));
    const withoutKinds = events.map((event) => (event.op === 'write' ? { ...event, kind: null } : event));
    assert.deepEqual(decodeWriteLog(encodeWriteLog(events), 'log'), withoutKinds);
  });

  test('has no sync right after a sync, which makes nothing durable and would be a crash point all the same', async () => {
    for (let time = 0; time < 4; time++)
      assert.doesNotMatch(shapeOf(await recordByQemu(workloadNamed('refcount-growth', 512))), /ss/);
  });

  test('what the tools of QEMU cannot do has its reason', async () => {
    assert.match(whyNotByQemu(workloadNamed('savevm', 4096))!, /cannot take a snapshot with VM state/);
    const created = recordByQemu(workloadNamed('create', 4096));
    await assert.rejects(created, (error) => error instanceof Qcow2Error && error.code === 'UNSUPPORTED');
  });
});

test('the row of QEMU holds every named workload but those that it cannot carry out', async () => {
  const { name, tally, leftOut } = await exploreNamedByQemu(64);
  assert.equal(name, `QEMU ${toolVersion('qemu-io')}`);
  assert.deepEqual([...new Set(leftOut.map(({ workload }) => workload.name))], ['compress', 'savevm', 'create']);
  assert.equal(tally.workloads, namedWorkloads({ clusterSizeBytes: 512, cacheTables: null }).length * 2 - 6);
  assert.deepEqual(
    FINDING_CLASSES.filter((kind) => tally.findings[kind] > 0),
    ['lost', 'foreign', 'secondPhase', 'copiedShared', 'copiedOnly'],
  );
  const { subject, example } = tally.examples.lost!;
  assert.match(tellStory(subject, example).at(-1)!, /data is lost/);
});

test('an interruption ends it after the present workload, whose outcome is not believed', async () => {
  const works = [{ workload: workloadNamed('compress', 4096) }, { workload: workloadNamed('allocate', 4096) }];
  const { tally, leftOut } = await exploreByQemu(works, OPTIONS, AbortSignal.abort());
  assert.deepEqual([tally.workloads, leftOut], [0, []]);
});

describe('cowbench crash --engine qemu', () => {
  test('prints the verdict, the version and the story', async () => {
    const { code, stdout } = await cowbench('crash', '--engine', 'qemu', '-w', 'reuse-discarded');
    assert.equal(code, 1);
    assert.ok(stdout.includes(`QEMU ${toolVersion('qemu-io')}, the simplest violation (foreign):`));
    assert.match(stdout, /guest sector 0 reads the data of request 3; promised: the data of request 1 or zeros/);
  });

  const refused: [string[], RegExp][] = [
    [['--policy', 'legacy'], /^cowbench: --policy: not with --engine qemu/],
    [['--stage', 'S3'], /^cowbench: --stage: not with --engine qemu/],
    [['-w', 'savevm'], /^cowbench: --engine qemu, workload savevm: qemu-img cannot take a snapshot with VM state/],
    [['-w', 'compress'], /^cowbench: --engine qemu, workload compress: qemu-io failed at "write -q -c/],
  ];
  for (const [words, message] of refused) {
    test(`${words.join(' ')} is one clear line`, async () => {
      const { code, stderr } = await cowbench('crash', '--engine', 'qemu', ...words);
      assert.equal(code, 2);
      assert.match(stderr, message);
      assert.equal(stderr.trim().split('\n').length, 1);
    });
  }
});

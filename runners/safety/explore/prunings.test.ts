/** Each pruning of the explorer against the states that it leaves out. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ForwardingFile, type PolicyName, type StageId, type TableKind } from '../../../engine/index.ts';
import { FINDING_CLASSES } from '../judge/state-verdict.ts';
import { OPERATIONS, startImages } from '../requests/operation-table.ts';
import { sequenceImage, sequenceWorkload } from '../requests/sequences.ts';
import type { Alteration } from '../states/alteration.ts';
import { type CrashRecording, type CrashSubject, recordWorkload } from '../states/record-workload.ts';
import { exploreRecording } from './explore.ts';
import { bruteForce } from './testing/brute-force.ts';

const OPTIONS = { statesPerPoint: 2 ** 16, seed: 1 };

const SUBJECTS: [PolicyName, StageId | null][] = [
  ['legacy', null],
  ['writethrough', null],
  ['writeback', null],
  ['writeback', 'S3'],
];

const SEQUENCES = [
  'plain/alloc,flush',
  'plain/overwrite,alloc',
  'plain/cross-cluster,alloc',
  'plain/discard,sub-cluster',
  'plain/compressed,flush',
  'plain/snapshot-create,overwrite',
  'shared/overwrite,sub-cluster',
  'shared/write-zeroes,alloc',
  'shared/snapshot-apply,overwrite',
  'shared/snapshot-delete,alloc',
];

function recorded(
  text: string,
  [policy, stage]: [PolicyName, StageId | null],
  clusterSizeBytes = 512,
  alteration: Alteration = {},
) {
  const [startName, names] = text.split('/');
  const image = sequenceImage(clusterSizeBytes);
  const start = startImages(image).find(({ name }) => name === startName)!;
  const operations = names!.split(',').map((name) => OPERATIONS.find((operation) => operation.name === name)!);
  const workload = sequenceWorkload({ cacheTables: null }, image, start, operations)!;
  const subject: CrashSubject = { policy, stage, hostCacheMode: null };
  return recordWorkload(workload, subject, alteration);
}

function found(counts: Readonly<Record<string, number>>): string[] {
  return FINDING_CLASSES.filter((kind) => counts[kind]! > 0);
}

/** Every point exhaustive, with the classes and the leaks of every subset at every instant. */
function exploredAsByBruteForce(recording: CrashRecording) {
  const explored = exploreRecording(recording, OPTIONS);
  const all = bruteForce(recording);
  assert.equal(explored.exhaustivePoints, explored.points);
  assert.deepEqual(
    found(explored.findings),
    FINDING_CLASSES.filter((kind) => all.findings.has(kind)),
  );
  assert.equal(explored.maxLeakedClusters, all.maxLeakedClusters);
  return { explored, all };
}

describe('the explorer finds what every subset of sectors at every instant finds', () => {
  for (const subject of SUBJECTS) {
    for (const sequence of SEQUENCES) {
      test(`${subject.filter(Boolean).join(' ')}: ${sequence}`, () => {
        const recording = recorded(sequence, subject);
        const { explored, all } = exploredAsByBruteForce(recording);
        assert.ok(explored.states <= all.states);
      });
    }
  }
});

/** A cluster that was freed is used again as a table: many of its sectors are undecided while nothing refers to it. */
const REUSES: [PolicyName, string][] = [
  ['writeback', 'shared/snapshot-apply,compressed'],
  ['legacy', 'shared/snapshot-delete,alloc'],
];

describe('what no reader looks at: the same classes as every subset, from fewer states', () => {
  for (const [policy, sequence] of REUSES) {
    test(`${policy}: ${sequence}, 2048-byte clusters`, () => {
      const recording = recorded(sequence, [policy, null], 2048);
      const { explored, all } = exploredAsByBruteForce(recording);
      assert.ok(explored.maxAtoms >= 4, `${explored.maxAtoms} sectors undecided at once`);
      assert.ok(explored.states * 5 < all.states, `${explored.states} of ${all.states} states`);
    });
  }
});

/** Takes space well ahead of the writes that need it, as a policy with a reserve does. */
class ReservingFile extends ForwardingFile {
  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    const end = offset + from.length;
    if (end > this.sizeBytes()) this.preallocate(this.sizeBytes(), end - this.sizeBytes() + 2048);
    super.write(offset, from, kind);
  }
}

describe('space taken ahead and not synced: the same classes as every subset, and nothing that was right is wrong', () => {
  for (const subject of SUBJECTS) {
    for (const sequence of ['plain/alloc,flush', 'plain/cross-cluster,alloc', 'shared/overwrite,sub-cluster']) {
      test(`${subject.filter(Boolean).join(' ')}: ${sequence}`, () => {
        const recording = recorded(sequence, subject, 512, { wrapFile: (file) => new ReservingFile(file) });
        assert.ok(recording.events.some(({ op }) => op === 'preallocate'));
        const { explored } = exploredAsByBruteForce(recording);
        assert.deepEqual(
          found(explored.findings),
          found(exploreRecording(recorded(sequence, subject), OPTIONS).findings),
        );
      });
    }
  }
});

describe('guest data as sets of values: the same classes as every combination of data and tables', () => {
  for (const subject of SUBJECTS) {
    for (const sequence of SEQUENCES) {
      test(`${subject.filter(Boolean).join(' ')}: ${sequence}, 1024-byte clusters`, () => {
        const recording = recorded(sequence, subject, 1024);
        const sets = exploreRecording(recording, OPTIONS);
        const combinations = exploreRecording(recording, { ...OPTIONS, enumerateData: true });
        assert.equal(combinations.exhaustivePoints, combinations.points);
        assert.deepEqual(found(sets.findings), found(combinations.findings));
        assert.ok(sets.states <= combinations.states);
      });
    }
  }
});

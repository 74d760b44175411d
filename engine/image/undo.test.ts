/** A call fails in the middle of an operation: everything is as before, and the same operation succeeds when tried again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkImage } from '../check/check-image.ts';
import {
  createImage,
  type Fault,
  FaultFile,
  MemoryFile,
  openImage,
  type PolicyName,
  policyNamed,
  policyNames,
  type Qcow2Image,
} from '../index.ts';

const CLUSTER_BYTES = 4096;
const SIZE_BYTES = 16 * CLUSTER_BYTES;

function cluster(value: number): Uint8Array {
  return new Uint8Array(CLUSTER_BYTES).fill(value);
}

/** Cluster 0 holds 1 in snapshot `old`, and 2 now; cluster 1 holds 3 in both. */
function imageBytes(): Uint8Array {
  const file = new MemoryFile();
  createImage(file, { sizeBytes: SIZE_BYTES, clusterSizeBytes: CLUSTER_BYTES });
  const image = openImage(file);
  image.write(0, cluster(1));
  image.write(CLUSTER_BYTES, cluster(3));
  image.createSnapshot({ name: 'old', dateSeconds: 1 });
  image.write(0, cluster(2));
  image.close();
  return file.bytes();
}

interface Trial {
  readonly memory: MemoryFile;
  readonly file: FaultFile;
  readonly image: Qcow2Image;
}

function open(policy: PolicyName, fault: Fault): Trial {
  const writesAreDurable = policyNamed(policy).hostCacheMode === 'writethrough';
  const memory = new MemoryFile('image', imageBytes(), { writesAreDurable });
  const file = new FaultFile(memory, fault);
  return { memory, file, image: openImage(file, { policy }) };
}

function requireSound(memory: MemoryFile): void {
  const { corruptions, copiedErrors, checkErrors, findings } = checkImage(memory);
  assert.equal(corruptions + copiedErrors + checkErrors, 0, findings[0]?.text);
}

function contentOf(image: Qcow2Image): number[] {
  const bytes = new Uint8Array(2 * CLUSTER_BYTES);
  image.read(0, bytes);
  return [bytes[0]!, bytes[CLUSTER_BYTES]!];
}

/**
 * Lets `operation` fail, after `prepare`, at each of its calls in turn that is not a sync. One that flips the header has been carried out by
 * then (`isDone`): what it could not lower afterwards leaks.
 */
function eachFailure(
  policies: readonly PolicyName[],
  operation: (image: Qcow2Image) => void,
  judge: (trial: Trial) => void,
  prepare: (image: Qcow2Image) => void = () => {},
  isDone: (image: Qcow2Image) => boolean = () => false,
): void {
  for (const policy of policies) {
    const faultless = open(policy, { kind: 'EIO', position: Number.MAX_SAFE_INTEGER, forGood: false });
    prepare(faultless.image);
    const first = faultless.file.candidates + 1;
    operation(faultless.image);
    const end = faultless.file.candidates;
    assert.ok(end - first > 3, policy);
    for (let position = first; position <= end; position++) {
      const trial = open(policy, { kind: 'EIO', position, forGood: false });
      prepare(trial.image);
      assert.throws(() => operation(trial.image), { code: 'IO' }, `${policy}: the call at ${position} failed`);
      if (policyNamed(policy).behaviour.snapshots === 'flipped' && isDone(trial.image)) {
        trial.image.close();
        assert.equal(checkImage(trial.memory).corruptions, 0);
        continue;
      }
      if (!trial.file.poisoned) judge(trial);
    }
  }
}

const ALL = policyNames();
const names = (image: Qcow2Image) => image.listSnapshots().map(({ name }) => name);

test('a snapshot that could not be taken is not there, and can be taken then', () => {
  eachFailure(
    ALL,
    (image) => image.createSnapshot({ name: 'new' }),
    ({ image, memory }) => {
      assert.deepEqual(names(image), ['old']);
      requireSound(memory);
      image.createSnapshot({ name: 'new' });
      image.write(0, cluster(4));
      image.close();
      requireSound(memory);
    },
  );
});

test('a disk that could not go back to a snapshot is what it was, and can go back then', () => {
  eachFailure(
    ALL,
    (image) => image.applySnapshot('old'),
    ({ image, memory }) => {
      assert.deepEqual(contentOf(image), [2, 3]);
      image.applySnapshot('old');
      assert.deepEqual(contentOf(image), [1, 3]);
      image.close();
      requireSound(memory);
    },
    undefined,
    (image) => contentOf(image)[0] === 1,
  );
});

test('a snapshot that could not be deleted has its content, or is gone; an image closed then is sound', () => {
  eachFailure(
    ALL,
    (image) => image.deleteSnapshot('old'),
    ({ image, memory }) => {
      const isListed = names(image).length > 0;
      image.close();
      requireSound(memory);
      const again = openImage(new MemoryFile('again', memory.bytes()));
      assert.equal(names(again).length > 0, isListed);
      assert.deepEqual(contentOf(again), [2, 3]);
      if (!isListed) return;
      again.applySnapshot('old');
      assert.deepEqual(contentOf(again), [1, 3]);
      again.deleteSnapshot('old');
      assert.deepEqual(names(again), []);
    },
    undefined,
    (image) => names(image).length === 0,
  );
});

test('closing fails after a snapshot was taken: what was still in memory is in the file all the same', () => {
  eachFailure(
    ['writeback'],
    (image) => image.close(),
    ({ memory }) => requireSound(memory),
    (image) => {
      image.write(0, cluster(8));
      image.createSnapshot({ name: 'new' });
    },
  );
});

test('S0 frees a shared L2 table before it is copied: when the copy fails, the snapshot keeps it', () => {
  eachFailure(
    ['legacy'],
    (image) => image.write(0, cluster(5)),
    ({ image, memory }) => {
      image.write(0, cluster(5));
      image.close();
      requireSound(memory);
      const again = openImage(memory);
      assert.deepEqual(contentOf(again), [5, 3]);
      again.applySnapshot('old');
      assert.deepEqual(contentOf(again), [1, 3]);
    },
    // From then on all that the disk has is the snapshot's too.
    (image) => image.applySnapshot('old'),
  );
});

test('writethrough writes through again after a walk that failed', () => {
  const { image, file, memory } = open('writethrough', { kind: 'ENOSPC', position: 1, forGood: false, only: 'l2' });
  assert.throws(() => image.createSnapshot({ name: 'new' }), { code: 'NO_SPACE' });
  assert.notEqual(file.struck, null);
  image.write(8 * CLUSTER_BYTES, cluster(6));
  const { findings } = checkImage(memory);
  assert.deepEqual(findings, []);
  const found = cluster(0);
  openImage(memory).read(8 * CLUSTER_BYTES, found);
  assert.equal(found[0], 6);
});

test('half-done for good: reads go on, nothing more is written or flushed, and the message says what to do', () => {
  const { image, memory } = open('writeback', { kind: 'ENOSPC', position: 1, forGood: true, only: 'header' });
  assert.throws(() => image.deleteSnapshot('old'), { code: 'NO_SPACE' });
  const left = memory.bytes();
  assert.deepEqual(contentOf(image), [2, 3]);
  const halfDone =
    /deleting a snapshot failed half-way and could not be undone \(.*no space left on device\); close the image, check and repair it/;
  assert.throws(() => image.write(0, cluster(7)), halfDone);
  assert.throws(() => image.flush(), halfDone);
  assert.throws(() => image.createSnapshot({ name: 'new' }), halfDone);
  assert.deepEqual(memory.bytes(), left);
});

test('an operation that is refused before it begins writes nothing', () => {
  const { image, memory } = open('legacy', { kind: 'EIO', position: Number.MAX_SAFE_INTEGER, forGood: false });
  const before = memory.bytes();
  assert.throws(() => image.deleteSnapshot('none'), { code: 'INVALID_ARGUMENT' });
  assert.throws(() => image.createSnapshot({ name: 'old' }), { code: 'INVALID_ARGUMENT' });
  assert.deepEqual(memory.bytes(), before);
});

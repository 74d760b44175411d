/** What each kind of call that fails must lead to, one by one; the sweep beside this file tries all positions. */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import {
  type BlockFile,
  type CreateOptions,
  checkImage,
  createImage,
  type Fault,
  FaultFile,
  ForwardingFile,
  MemoryFile,
  type Operation,
  openImage,
  Qcow2Error,
  type Qcow2Image,
  TimingFile,
} from '../../../engine/index.ts';

const CLUSTER_BYTES = 4096;
/** What one L2 table maps. */
const TABLE_BYTES = (CLUSTER_BYTES / 8) * CLUSTER_BYTES;
const ONCE = { position: 1, forGood: false } as const;

let memory: MemoryFile;
/** What reached the file. */
let operations: Operation[];

beforeEach(() => {
  memory = new MemoryFile('image');
  operations = [];
});

function create(options: Partial<CreateOptions> = {}): void {
  createImage(memory, { sizeBytes: 3 * TABLE_BYTES, clusterSizeBytes: CLUSTER_BYTES, ...options });
}

/** Opens the image under writeback, on a file with these faults; the first is met first. */
function open(...faults: readonly Fault[]): Qcow2Image {
  const traced: BlockFile = new TimingFile(memory, (operation) => operations.push(operation));
  return openImage(
    faults.reduceRight((file, fault) => new FaultFile(file, fault), traced),
    { policy: 'writeback' },
  );
}

function cluster(value: number): Uint8Array {
  return new Uint8Array(CLUSTER_BYTES).fill(value);
}

function byteAt(image: Qcow2Image, offset: number): number {
  const byte = new Uint8Array(1);
  image.read(offset, byte);
  return byte[0]!;
}

function written(what: string): number {
  return operations.filter((operation) => operation.op === 'write' && operation.kind === what).length;
}

function requireSound(image: Qcow2Image): void {
  image.close();
  const { corruptions, copiedErrors, checkErrors, findings } = checkImage(memory);
  assert.equal(corruptions + copiedErrors + checkErrors, 0, findings[0]?.text);
}

describe('guest data', () => {
  for (const kind of ['EIO', 'ENOSPC', 'short-write'] as const) {
    test(`${kind}: the request fails, no table names the new cluster, and it can be made again`, () => {
      create();
      const image = open({ ...ONCE, kind, only: 'data' });
      assert.throws(() => image.write(0, cluster(1)), { code: kind === 'EIO' ? 'IO' : 'NO_SPACE' });
      assert.equal(image.map(0, 1).stored, 'absent');
      image.flush();
      image.write(0, cluster(1));
      assert.equal(byteAt(image, 0), 1);
      requireSound(image);
    });
  }

  for (const [position, call] of [
    [1, 'read'],
    [2, 'write'],
  ] as const) {
    test(`the ${call} of a copy: the old mapping stays`, () => {
      create();
      const first = open();
      first.write(0, cluster(1));
      first.createSnapshot({ name: 'shares it' });
      first.close();
      const image = open({ kind: 'EIO', position, forGood: false, only: 'cow' });
      const before = image.map(0, 1).hostOffset;
      assert.throws(() => image.write(512, cluster(2).subarray(0, 512)), { code: 'IO' });
      assert.equal(image.map(0, 1).hostOffset, before);
      image.write(512, cluster(2).subarray(0, 512));
      assert.deepEqual([byteAt(image, 0), byteAt(image, 512), byteAt(image, 1024)], [1, 2, 1]);
      requireSound(image);
    });
  }
});

describe('tables', () => {
  test('a refcount block that cannot be written: no L2 table is written before it, and the next flush does both', () => {
    create();
    const image = open();
    image.write(0, cluster(1));
    image.close();
    const again = open({ ...ONCE, kind: 'ENOSPC', only: 'refcount-block' });
    operations.length = 0;
    again.write(CLUSTER_BYTES, cluster(2));
    assert.throws(() => again.flush(), { code: 'NO_SPACE' });
    assert.equal(written('l2'), 0);
    again.flush();
    const order = operations.flatMap((operation) =>
      operation.op === 'write' && operation.kind !== 'data' ? [operation.kind] : [],
    );
    assert.deepEqual(order, ['refcount-block', 'l2']);
    requireSound(again);
  });

  /** Hits the first write of an L2 table that comes to it, when two have been read. */
  function tableWriteFails(kind: 'EIO' | 'ENOSPC'): Fault {
    return { kind, position: kind === 'EIO' ? 3 : 1, forGood: false, only: 'l2' };
  }

  /** Two L2 tables are dirty, nothing else that comes before them. */
  function openWithTwoDirtyTables(...faults: readonly Fault[]): Qcow2Image {
    create();
    const first = open();
    for (const at of [0, TABLE_BYTES]) first.write(at, cluster(1));
    first.close();
    const image = open(...faults);
    for (const at of [0, TABLE_BYTES]) image.discard(at, CLUSTER_BYTES);
    operations.length = 0;
    return image;
  }

  test('an L2 table that cannot be written keeps no other back; its mapping stays in memory', () => {
    const image = openWithTwoDirtyTables(tableWriteFails('EIO'));
    assert.throws(() => image.flush(), { code: 'IO' });
    assert.equal(written('l2'), 1);
    assert.equal(byteAt(image, 0), 0);
    image.flush();
    assert.equal(written('l2'), 2);
    requireSound(image);
  });

  for (const [first, second, code] of [
    ['ENOSPC', 'EIO', 'IO'],
    ['EIO', 'ENOSPC', 'IO'],
    ['ENOSPC', 'ENOSPC', 'NO_SPACE'],
  ] as const) {
    test(`${first} and then ${second}: the first error that is not a full file system is the flush's`, () => {
      const image = openWithTwoDirtyTables(tableWriteFails(first), tableWriteFails(second));
      assert.throws(() => image.flush(), { code });
      assert.equal(written('l2'), 0);
      image.flush();
      requireSound(image);
    });
  }

  test('a sync that runs out of space is named, not the refusals that follow it', () => {
    const image = openWithTwoDirtyTables({ ...ONCE, kind: 'ENOSPC', only: 'cache-flush' });
    assert.throws(() => image.flush(), { code: 'NO_SPACE' });
  });

  test('an L1 entry that cannot be published: memory says what the file says, and the new table is leaked at most', () => {
    create();
    // The first is the read of the table when the image is opened.
    const image = open({ kind: 'EIO', position: 2, forGood: false, only: 'l1' });
    assert.throws(() => image.write(0, cluster(1)), { code: 'IO' });
    assert.equal(image.map(0, 1).stored, 'absent');
    image.write(0, cluster(1));
    assert.equal(byteAt(image, 0), 1);
    requireSound(image);
  });

  test('a size that cannot be published is not the size', () => {
    create();
    const image = open({ kind: 'ENOSPC', position: 1, forGood: false, only: 'header' });
    assert.throws(() => image.resize(3 * TABLE_BYTES - 512, { shrink: true }), { code: 'NO_SPACE' });
    assert.equal(image.sizeBytes, 3 * TABLE_BYTES);
    requireSound(image);
  });

  test('a table that cannot be read: nothing is cached', () => {
    create();
    const first = open();
    first.write(0, cluster(1));
    first.close();
    const image = open({ ...ONCE, kind: 'EIO', only: 'l2' });
    assert.throws(() => byteAt(image, 0), { code: 'IO' });
    operations.length = 0;
    assert.equal(byteAt(image, 0), 1);
    assert.equal(operations.filter((operation) => operation.op === 'read' && operation.kind === 'l2').length, 1);
    requireSound(image);
  });
});

test('a hole that cannot be punched is reported once; content and refcounts are right', () => {
  create();
  class NoHoles extends ForwardingFile {
    failures = 0;
    override punchHole(offset: number, lengthBytes: number): boolean {
      if (this.failures++ === 0) throw new Qcow2Error('IO', `cannot punch a hole at offset ${offset}`);
      return super.punchHole(offset, lengthBytes);
    }
  }
  const image = openImage(new NoHoles(memory));
  image.write(0, cluster(1));
  image.discard(0, CLUSTER_BYTES);
  assert.throws(() => image.flush(), { code: 'IO' });
  image.write(0, cluster(2));
  image.flush();
  assert.equal(byteAt(image, 0), 2);
  requireSound(image);
});

describe('a failed sync', () => {
  test('nothing is written or flushed any more, for the reason that it gave', () => {
    create();
    const image = open({ ...ONCE, kind: 'EIO', only: 'guest-flush' });
    image.write(0, cluster(1));
    assert.throws(() => image.flush(), { code: 'IO' });
    const left = memory.bytes();
    for (const request of [
      () => image.flush(),
      () => image.write(0, cluster(2)),
      () => image.createSnapshot({ name: 'late' }),
      () => image.resize(4 * TABLE_BYTES),
    ])
      assert.throws(request, { code: 'IO' });
    assert.deepEqual(memory.bytes(), left);
  });

  test('tables are not read from the file again: it may have lost them', () => {
    create();
    const image = open({ ...ONCE, kind: 'EIO', only: 'guest-flush' });
    const durable = memory.bytes();
    image.write(0, cluster(1));
    image.write(TABLE_BYTES, cluster(1));
    const places = () => [0, TABLE_BYTES].map((offset) => image.map(offset, 1).hostOffset);
    const before = places();
    assert.throws(() => image.flush(), { code: 'IO' });
    // What a system may do with pages that it could not write.
    memory.truncate(0);
    memory.write(0, durable, 'data');
    operations.length = 0;
    assert.deepEqual(places(), before);
    assert.deepEqual(operations, []);
  });

  test('closing then does not clear the dirty bit', () => {
    create({ lazyRefcounts: true });
    const image = open({ ...ONCE, kind: 'EIO', only: 'guest-flush' });
    image.write(0, cluster(1));
    assert.throws(() => image.flush(), { code: 'IO' });
    assert.throws(() => image.close(), { code: 'IO' });
    assert.ok(checkImage(memory).isDirty);
  });
});

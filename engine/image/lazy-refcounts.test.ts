/** Lazy refcounts are lazy over a guest flush: the dirty bit stands for them until the image is closed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KiB, MiB } from '../base/units.ts';
import { policyNames } from '../cache/policies.ts';
import { checkImage, isClean } from '../check/check-image.ts';
import type { TableKind } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { createImage } from './create.ts';
import { openImage } from './qcow2-image.ts';

class CountedFile extends ForwardingFile {
  readonly writes = new Map<TableKind, number>();
  syncs = 0;

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    this.writes.set(kind, (this.writes.get(kind) ?? 0) + 1);
    this.inner.write(offset, from, kind);
  }

  override sync(cause: Parameters<ForwardingFile['sync']>[0]): void {
    this.syncs++;
    this.inner.sync(cause);
  }
}

const FLUSHES = 10;

/** Each request takes clusters of its own and is flushed. Returns the file as it is before the image is closed, and counts. */
function flushedWrites(lazyRefcounts: boolean, act: 'write' | 'discard' | 'write compressed', policy = 'writeback') {
  const bytes = new MemoryFile('disk');
  createImage(bytes, { sizeBytes: 8 * MiB, lazyRefcounts });
  const prepared = openImage(bytes);
  prepared.write(0, new Uint8Array(FLUSHES * 64 * KiB).fill(9));
  prepared.close();
  const file = new CountedFile(bytes);
  const image = openImage(file, { policy });
  for (let index = 0; index < FLUSHES; index++) {
    const at = 4 * MiB + index * 128 * KiB;
    if (act === 'write') image.write(at, new Uint8Array(512).fill(index + 1));
    else if (act === 'discard') image.discard(index * 64 * KiB, 64 * KiB);
    else image.writeCompressed(at, new Uint8Array(64 * KiB).fill(index + 1));
    image.flush();
  }
  const beforeClose = { writes: file.writes.get('refcount-block') ?? 0, syncs: file.syncs };
  const killed = bytes.bytes();
  image.close();
  return { beforeClose, killed, closed: bytes, atClose: (file.writes.get('refcount-block') ?? 0) - beforeClose.writes };
}

test('no refcount block is written by a flush, and one when the image is closed', () => {
  const counts = (lazy: boolean) => flushedWrites(lazy, 'write');
  const { beforeClose: eager } = counts(false);
  const { beforeClose: lazy, atClose, closed } = counts(true);
  // A block and a sync for each flush; the new L2 table makes no difference.
  assert.deepEqual([eager.writes, lazy.writes, atClose], [FLUSHES, 0, 1]);
  // One more for the dirty bit.
  assert.equal(lazy.syncs, eager.syncs - FLUSHES + 1);
  assert.ok(isClean(checkImage(closed)));
});

test('compressed clusters are as lazy', () => {
  const { beforeClose, atClose, closed } = flushedWrites(true, 'write compressed');
  assert.deepEqual([beforeClose.writes, atClose], [0, 1]);
  assert.ok(isClean(checkImage(closed)));
});

test('what was flushed is there after a kill, and the refcounts are counted anew', () => {
  for (const act of ['write', 'write compressed', 'discard'] as const) {
    const { killed } = flushedWrites(true, act);
    const file = new MemoryFile('disk', killed);
    const image = openImage(file);
    const found = new Uint8Array(512);
    for (let index = 0; index < FLUSHES; index++) {
      image.read(act === 'discard' ? index * 64 * KiB : 4 * MiB + index * 128 * KiB, found);
      assert.deepEqual(found, new Uint8Array(512).fill(act === 'discard' ? 0 : index + 1), act);
    }
    image.close();
    assert.ok(isClean(checkImage(file)), act);
  }
});

/**
 * By policy: refcount blocks written by ten flushed writes, without lazy refcounts and with them. Those of history that write
 * through have no flush to leave something out of: what changes is written when it changes.
 */
const BLOCKS_WRITTEN: Readonly<Record<string, readonly [plain: number, lazy: number]>> = {
  legacy: [10, 10],
  writethrough: [10, 10],
  writeback: [10, 0],
  modern: [10, 0],
  // Refcounts go with the one write-out of an epoch, which has the same syncs without them.
  ordered: [10, 10],
  // Counted in batches, ahead of time.
  reserve: [2, 2],
};

test('how many refcount blocks ten flushed writes write, by policy', () => {
  for (const policy of policyNames()) {
    const counts = [false, true].map((lazy) => flushedWrites(lazy, 'write', policy).beforeClose.writes);
    assert.deepEqual(counts, BLOCKS_WRITTEN[policy], policy);
  }
});

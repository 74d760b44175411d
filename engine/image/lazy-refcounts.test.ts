/** Lazy refcounts are lazy over a guest flush: the dirty bit stands for them until the image is closed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Qcow2Error } from '../base/errors.ts';
import { KiB, MiB } from '../base/units.ts';
import { policyNames } from '../cache/policies.ts';
import { checkImage, hasErrors, isClean } from '../check/check-image.ts';
import type { TableKind } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { QemuFolder } from '../testing/qemu-images.ts';
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

class FullForHeader extends ForwardingFile {
  isFull = true;

  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    if (this.isFull && kind === 'header') throw new Qcow2Error('NO_SPACE', 'no space');
    this.inner.write(offset, from, kind);
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
  const acts = ['write', 'write compressed', 'discard'] as const;
  for (const [policy, act] of policyNames().flatMap((policy) => acts.map((act) => [policy, act] as const))) {
    const { killed } = flushedWrites(true, act, policy);
    const file = new MemoryFile('disk', killed);
    const image = openImage(file);
    const found = new Uint8Array(512);
    for (let index = 0; index < FLUSHES; index++) {
      image.read(act === 'discard' ? index * 64 * KiB : 4 * MiB + index * 128 * KiB, found);
      assert.deepEqual(found, new Uint8Array(512).fill(act === 'discard' ? 0 : index + 1), act);
    }
    image.close();
    const report = checkImage(file);
    // A discard sets no dirty bit: what was not lowered yet is leaked, no more.
    assert.ok(act === 'discard' ? !hasErrors(report) : isClean(report), `${policy}, ${act}`);
  }
});

/**
 * By policy: refcount blocks written, and syncs, by ten flushed writes, without lazy refcounts and with them. The dirty bit is set once,
 * with a sync of its own; what writes through has written the first refcount before.
 */
const COSTS: Readonly<Record<string, Readonly<Record<'plain' | 'lazy', { blocks: number; syncs: number }>>>> = {
  legacy: { plain: { blocks: 10, syncs: 20 }, lazy: { blocks: 1, syncs: 21 } },
  // On a file that is not O_DSYNC, where each table that is written through waits for the one before.
  writethrough: { plain: { blocks: 10, syncs: 40 }, lazy: { blocks: 1, syncs: 31 } },
  writeback: { plain: { blocks: 10, syncs: 40 }, lazy: { blocks: 0, syncs: 31 } },
  modern: { plain: { blocks: 10, syncs: 20 }, lazy: { blocks: 0, syncs: 11 } },
  ordered: { plain: { blocks: 10, syncs: 20 }, lazy: { blocks: 0, syncs: 11 } },
  // Refcounts are counted in batches, ahead of time; lazy ones are not.
  reserve: { plain: { blocks: 2, syncs: 11 }, lazy: { blocks: 0, syncs: 11 } },
};

test('what ten flushed writes cost, by policy', () => {
  for (const policy of policyNames()) {
    const cost = (lazy: boolean) => {
      const { beforeClose, atClose, closed } = flushedWrites(lazy, 'write', policy);
      assert.ok(isClean(checkImage(closed)), policy);
      if (lazy) assert.equal(atClose, 1, `${policy}, at close`);
      return { blocks: beforeClose.writes, syncs: beforeClose.syncs };
    };
    assert.deepEqual({ plain: cost(false), lazy: cost(true) }, COSTS[policy], policy);
  }
});

test('after a kill the refcounts lag as far as those of QEMU', () => {
  const uncounted = (killed: Uint8Array) => {
    const { isDirty, findings } = checkImage(new MemoryFile('killed', killed));
    assert.ok(isDirty);
    return findings.filter(({ kind }) => kind === 'refcount-low').length;
  };
  using folder = new QemuFolder();
  folder.img('create', '-q', '-f', 'qcow2', '-o', 'lazy_refcounts=on', 'disk', '8M');
  folder.io('disk', `write 0 ${FLUSHES * 64}k`);
  const writes = Array.from({ length: FLUSHES }, (_, index) => [`write ${4096 + index * 128}k 512`, 'flush']);
  folder.io('disk', ...writes.flat(), 'abort');
  assert.equal(uncounted(folder.read('disk')), FLUSHES);
  for (const policy of policyNames()) {
    const { killed } = flushedWrites(true, 'write', policy);
    assert.equal(uncounted(killed), FLUSHES - COSTS[policy]!.lazy.blocks, policy);
  }
});

test('a dirty bit that could not be written is none', () => {
  for (const policy of policyNames()) {
    const bytes = new MemoryFile('disk');
    createImage(bytes, { sizeBytes: 8 * MiB, lazyRefcounts: true });
    const file = new FullForHeader(bytes);
    const image = openImage(file, { policy });
    assert.throws(() => image.write(0, new Uint8Array(512).fill(1)), { code: 'NO_SPACE' });
    file.isFull = false;
    image.write(0, new Uint8Array(512).fill(2));
    image.flush();
    assert.ok(checkImage(new MemoryFile('killed', bytes.bytes())).isDirty, policy);
    image.close();
    assert.ok(isClean(checkImage(bytes)), policy);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KiB, MiB } from '../engine/base/units.ts';
import { DatabaseGuest, type DatabasePlan, PAGE_BYTES } from './database-guest.ts';
import { Prng } from './prng.ts';
import type { GuestRequest } from './request.ts';

const PLAN: DatabasePlan = {
  transactions: 600,
  tableBytes: 2 * MiB,
  logBytes: MiB,
  checkpointEvery: 200,
  pagesPerTransaction: 1,
  appendBytes: 512,
};
const LOG_END = PAGE_BYTES + PLAN.logBytes;
const TABLE_END = LOG_END + PLAN.tableBytes;

function requestsOf(plan: DatabasePlan): GuestRequest[] {
  return [...new DatabaseGuest(plan, new Prng(7)).requests()];
}

/** The requests cut after each flush; marks left out. */
function flushGroups(requests: readonly GuestRequest[]): { offset: number; length: number }[][] {
  const groups: { offset: number; length: number }[][] = [[]];
  for (const request of requests) {
    if (request.op === 'write') groups.at(-1)!.push(request);
    else if (request.op === 'flush') groups.push([]);
  }
  assert.deepEqual(groups.pop(), [], 'nothing is written after the last flush');
  return groups;
}

test('database-synthetic: each commit writes the log only, whole pages that follow each other, and flushes once', () => {
  const groups = flushGroups(requestsOf(PLAN));
  const isLog = ({ offset }: { offset: number }) => offset >= PAGE_BYTES && offset < LOG_END;
  const commits = groups.filter((group) => group.every(isLog));
  assert.equal(commits.length, PLAN.transactions);
  let next = PAGE_BYTES;
  for (const { offset, length } of commits.flat()) {
    assert.equal(offset % PAGE_BYTES, 0);
    assert.equal(length % PAGE_BYTES, 0);
    const place = next === LOG_END ? PAGE_BYTES : next;
    // The page that the last commit left partly filled is written again.
    assert.ok(offset === place || offset === next - PAGE_BYTES, `log write at ${offset}, expected ${place}`);
    next = offset + length;
  }
});

test('database-synthetic: a checkpoint flushes the pages before the control page, and all pages that changed', () => {
  const groups = flushGroups(requestsOf(PLAN));
  const control = groups.flatMap((group, index) => (group[0]!.offset === 0 ? [index] : []));
  assert.ok(control.length >= PLAN.transactions / PLAN.checkpointEvery);
  for (const index of control) {
    assert.deepEqual(groups[index]!, [{ op: 'write', offset: 0, length: PAGE_BYTES }]);
    const pages = groups[index - 1]!;
    assert.ok(pages.every(({ offset }) => offset >= LOG_END));
    assert.ok(pages.every(({ length }) => length <= 128 * KiB));
    for (const [at, { offset }] of pages.entries()) assert.ok(at === 0 || offset > pages[at - 1]!.offset, 'sorted');
  }
});

test('database-synthetic: the log, the table and fresh space are each written to, and what is fresh is written in ascending order', () => {
  const writes = flushGroups(requestsOf(PLAN)).flat();
  const fresh = writes.filter(({ offset }) => offset >= TABLE_END);
  const appended = Math.ceil((PLAN.transactions * PLAN.appendBytes) / PAGE_BYTES);
  const pages = new Set(
    fresh.flatMap(({ offset, length }) =>
      Array.from({ length: length / PAGE_BYTES }, (_, i) => offset / PAGE_BYTES + i),
    ),
  );
  assert.equal(pages.size, appended);
  assert.ok(writes.some(({ offset }) => offset >= LOG_END && offset < TABLE_END));
});

test('database-synthetic: what the log holds since the last checkpoint is never written over', () => {
  let written = 0;
  let sinceCheckpoint = 0;
  for (const request of requestsOf({ ...PLAN, checkpointEvery: 0, pagesPerTransaction: 8 })) {
    if (request.op !== 'write') continue;
    if (request.offset === 0) sinceCheckpoint = 0;
    if (request.offset < PAGE_BYTES || request.offset >= LOG_END) continue;
    written += request.length;
    sinceCheckpoint += request.length;
    assert.ok(sinceCheckpoint <= PLAN.logBytes, `${sinceCheckpoint} bytes of log since the checkpoint`);
  }
  assert.ok(written > 2 * PLAN.logBytes, 'the log came round');
});

test('database-synthetic: the phases tell the growing log from the recycled one', () => {
  const marks = (plan: DatabasePlan) => requestsOf(plan).flatMap((r) => (r.op === 'mark' ? [r.text] : []));
  assert.deepEqual(marks(PLAN), ['growing-log', 'recycled-log']);
  assert.deepEqual(marks({ ...PLAN, transactions: 20 }), ['growing-log']);
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ExpectedDisk } from './expected-disk.ts';
import {
  installedDisk,
  RECORDED_DISK_BYTES,
  type RecordedTraceName,
  recordedTrace,
  tracePath,
} from './recorded-trace.ts';
import type { GuestOp } from './request.ts';
import { RequestTotals, totalsOf } from './totals.ts';

const TRACES: readonly RecordedTraceName[] = ['debian-install', 'debian-first-boot', 'debian-upgrade', 'postgresql'];
const README = readFileSync(tracePath('README.md'), 'utf8');

/** The part of the README about one trace. */
function sectionOf(name: string): string {
  const start = README.indexOf(`\n## ${name}\n`);
  assert.ok(start > 0, `no section ${name}`);
  const end = README.indexOf('\n## ', start + 4);
  return README.slice(start, end < 0 ? undefined : end);
}

/** The numbers that `pattern` captures in the section, thousands separators dropped. */
function statedIn(section: string, pattern: RegExp): number[] {
  const match = pattern.exec(section);
  assert.ok(match, String(pattern));
  return match.slice(1).map((text) => Number(text.replaceAll(',', '')));
}

for (const name of TRACES) {
  test(`${name} has the totals that its README states`, async () => {
    const { byOp, flushesWithoutWrite, highestEnd, requests } = await totalsOf(recordedTrace(name).requests());
    const section = sectionOf(name);
    for (const [op, action] of [
      ['read', 'read'],
      ['write', 'write'],
      ['flush', 'datasync'],
    ] as const) {
      const [count] = statedIn(section, new RegExp(`iolog lines: {[^}]*'${action}': (\\d+)`));
      const [bytes] = statedIn(section, new RegExp(`bytes {[^}]*'${action}': (\\d+)`));
      assert.deepEqual(byOp[op], { count, bytes }, op);
    }
    const [trims] = /'trim': (\d+)/.exec(section) === null ? [0] : statedIn(section, /'trim': (\d+)/);
    assert.equal(byOp.discard.count, trims);
    assert.deepEqual(
      [flushesWithoutWrite, byOp.flush.count],
      statedIn(section, /no write since the one before: ([\d,]+) of ([\d,]+)\./),
    );
    assert.equal(requests, recordedTrace(name).totalRequests);
    assert.ok(highestEnd <= RECORDED_DISK_BYTES);
  });

  test(`${name} has the phases that its README states, each with its counts`, async () => {
    const trace = recordedTrace(name);
    const byPhase = new Map<string, RequestTotals>();
    let totals = new RequestTotals();
    for await (const batch of trace.requests()) {
      for (const request of batch) {
        if (request.op === 'mark') byPhase.set(request.text, (totals = new RequestTotals()));
        else totals.add(request);
      }
    }
    assert.deepEqual([...byPhase.keys()], [...trace.phases]);
    const section = sectionOf(name);
    for (const [phase, { byOp }] of byPhase) {
      const row = new RegExp(`\\| ${phase} \\| [\\d.-]+ \\| [\\d.]+ \\| [\\d-]+ \\| ${'([\\d,]+) \\| '.repeat(5)}`);
      const [reads, writes, flushes, trims, zeroes] = statedIn(section, row);
      const counts = (ops: readonly GuestOp[]) => ops.reduce((sum, op) => sum + byOp[op].count, 0);
      assert.deepEqual([counts(['read']), counts(['flush'])], [reads, flushes], phase);
      // Zeroes are trims or writes in an iolog.
      assert.equal(counts(['write', 'discard']), writes! + trims! + zeroes!, phase);
    }
  });
}

test('the installation is what it is known for', async () => {
  const totals = await totalsOf(recordedTrace('debian-install').requests());
  assert.equal(totals.byOp.write.count, 48_905);
  assert.equal(totals.byOp.flush.count, 39_409);
  assert.equal(totals.flushesWithoutWrite, 23_543);
});

test('the installed disk has the same writes with one flush, and its model stays small', async () => {
  const disk = new ExpectedDisk(RECORDED_DISK_BYTES, 1);
  const totals = new RequestTotals();
  for await (const batch of installedDisk({ op: 'reopen' })) {
    for (const request of batch) {
      totals.add(request);
      if (request.op === 'write') disk.write(request.offset, request.length, totals.byOp.write.count);
    }
  }
  assert.equal(totals.byOp.write.count, 48_905);
  assert.equal(totals.byOp.flush.count, 1);
  assert.equal(totals.byOp.reopen.count, 1);
  assert.ok(disk.heldBytes < 20_000_000, `${disk.heldBytes} bytes`);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csvText, markdownText } from '../../../dashboards/text/export.ts';
import { countsTable, findings, summaryTable } from '../../../dashboards/text/summary.ts';
import { CellResults, isSound } from '../../../results/cell-results.ts';
import type { Cell } from '../../../results/record.ts';
import { parseWorkerMessage, type SampleResult } from '../../../results/sample-protocol.ts';
import { sampleCell, sampleRecord } from '../../../results/testing/sample-record.ts';
import { sampleResult } from '../../../results/testing/sample-result.ts';

function sample(fsyncs: number, verification: Partial<SampleResult['verification']> = {}): SampleResult {
  const result = sampleResult(2e9, fsyncs);
  return { ...result, verification: { ...result.verification, ...verification } };
}

function addSample(...[cell, ...taken]: [Cell, ...Parameters<CellResults['add']>]): void {
  new CellResults(cell).add(...taken);
}

test('counts come from the first sample, later ones add times and must count the same', () => {
  const cell = sampleCell();
  addSample(cell, { round: 0, order: 1 }, sample(7));
  addSample(cell, { round: 1, order: 4 }, sample(7));
  assert.deepEqual([cell.exact!.fsyncs, cell.rounds.length, cell.histograms.guestFlush!.count], [7, 2, 2]);
  assert.ok(cell.deterministic && isSound(cell));
  addSample(cell, { round: 2, order: 6 }, sample(8));
  assert.deepEqual([cell.exact!.fsyncs, cell.deterministic, cell.rounds[2]!.countsEqual], [7, false, false]);
  assert.match(findings(sampleRecord({ cells: [cell] }))[0]!, /two rounds .* counted differently/);
});

test('B6: latencies by time are those of the round nearest to the median; a sample of an earlier program has none', () => {
  const cell = sampleCell();
  const { latencyMap: _, ...early } = sample(7);
  const message = parseWorkerMessage({ type: 'done', result: early });
  assert.ok(message.type === 'done');
  addSample(cell, { round: 0, order: 0 }, message.result);
  assert.ok(!('latencyMap' in cell));
  const took = (wallNs: number) => ({ ...sample(7), times: { ...sample(7).times, wallNs } });
  const later = sampleCell();
  const kept = [9, 4, 6, 5].map((wallNs, index) => {
    addSample(later, { round: index + 1, order: index + 1, traced: index === 0 }, took(wallNs));
    return later.latencyMapRound;
  });
  assert.deepEqual(kept, [1, 2, 2, 4]);
  assert.deepEqual(later.latencyMap!.lanes, { 'guest-flush': [1] });
});

test('B1: the warm-up round is in no distribution where there is another', () => {
  const cell = sampleCell();
  const counts = [true, false, false].map((traced, round) => {
    addSample(cell, { round, order: round, traced }, sample(7));
    return cell.histograms.guestFlush!.count;
  });
  assert.deepEqual(counts, [1, 1, 2]);
});

test('one bad verification is not covered up by a good one before or after', () => {
  const bad = { content: 'different', detail: 'guest offset 512: expected write 3, found zeros' } as const;
  for (const list of [
    [sample(7), sample(7, bad)],
    [sample(7, bad), sample(7)],
  ]) {
    const cell = sampleCell();
    for (const [round, one] of list.entries()) addSample(cell, { round, order: round }, one);
    assert.equal(cell.verification.content, 'different');
    assert.match(findings(sampleRecord({ cells: [cell] }))[0]!, /the guest reads something else .* offset 512/);
  }
});

test('the table has six columns: time, syncs with work, bytes; dashes for what was not measured', () => {
  const cells = [sampleCell({ id: 'legacy' }), sampleCell({ id: 'writeback' }), sampleCell({ id: 'late' })];
  addSample(cells[0]!, { round: 0, order: 0 }, sample(8));
  addSample(cells[1]!, { round: 0, order: 1 }, sample(2, { check: 'leaks', leaks: 3 }));
  const record = sampleRecord({ cells });
  const rowsOf = (lines: readonly string[]) => lines.slice(2).map((line) => line.split(/ {2,}/));
  const rows = rowsOf(summaryTable(record));
  assert.deepEqual(rows[0], ['legacy', '2.00 s', 'baseline', '8', '1.0', '-']);
  assert.deepEqual([rows[1]![0], rows[1]![3], rows[2]], ['writeback', '2', ['late', ...Array(5).fill('-')]]);
  assert.deepEqual(rowsOf(countsTable(record))[1], ['writeback', '2', '-', '0', '10', '500.0', '1 µs', 'yes, 3 leaks']);
});

test('B1: the warm-up round is in no median where there is another', () => {
  const cell = sampleCell();
  const took = (wallNs: number) => ({ ...sample(8), times: { ...sample(8).times, wallNs } });
  addSample(cell, { round: 0, order: 0, traced: true }, took(27e6));
  addSample(cell, { round: 1, order: 1 }, took(30e6));
  addSample(cell, { round: 2, order: 2 }, took(21e6));
  const record = sampleRecord({ cells: [cell] });
  assert.match(summaryTable(record)[2]!, / 25\.50 ms /);
  assert.match(csvText([record]), /medianWallNs/);
  assert.ok(csvText([record]).includes(',25500000,'), csvText([record]));
  assert.match(markdownText([record]), /\b25\.50\b/);
});

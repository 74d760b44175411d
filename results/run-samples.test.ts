import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { RunRecord } from './record.ts';
import { RunFold, type RunSample, sampleLine, samplesFile } from './run-samples.ts';
import { readRecord, removeRecord, writeRecord } from './store.ts';
import { sampleCell, sampleRecord } from './testing/sample-record.ts';
import { sampleResult } from './testing/sample-result.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  file = path.join(folder, 'record.json');
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const begun = (): RunRecord =>
  sampleRecord({ status: 'running', finishedAt: null, cells: ['a', 'b'].map((id) => sampleCell({ id })) });

/** The schedule of two cells: a warm-up each, then three rounds, with a control of the first. */
const SAMPLES = Array.from({ length: 4 }, (_, round) =>
  [{ cell: 0, control: false }, { cell: 1, control: false }, ...(round > 0 ? [{ cell: 0, control: true }] : [])].map(
    (place, index): RunSample => {
      const order = round * 3 + index;
      return {
        ...place,
        round,
        order,
        traced: round === 0,
        measuringMs: 100 * order,
        result: sampleResult(1000 - order),
      };
    },
  ),
).flat();

function folded(record: RunRecord, samples: readonly RunSample[]): RunRecord {
  const fold = new RunFold(record);
  for (const sample of samples) assert.ok(fold.add(sample));
  return record;
}

const putLines = (text: string) => fs.writeFileSync(samplesFile(file), text);
const linesOf = (samples: readonly RunSample[]) => samples.map(sampleLine).join('');

test('a running record is read with the samples beside it; cut anywhere, and read on from there, it is the same record', () => {
  const whole = folded(begun(), SAMPLES);
  assert.deepEqual(
    whole.cells.map(({ rounds, control = [] }) => [rounds.length, control.length]),
    [
      [4, 3],
      [4, 0],
    ],
  );
  assert.equal(whole.measuringMs, 1100);
  for (const cut of SAMPLES.keys()) {
    writeRecord(file, folded(begun(), SAMPLES.slice(0, cut)));
    // An end in order between the record and the removal of its lines leaves both: each sample counts once.
    putLines(linesOf(SAMPLES.slice(Math.max(0, cut - 3))));
    assert.deepEqual(readRecord(file), whole);
  }
});

test('a last line that was cut off was never a sample; a damaged one before it is refused, with its number', () => {
  writeRecord(file, begun());
  const two = folded(begun(), SAMPLES.slice(0, 2));
  const third = sampleLine(SAMPLES[2]!);
  for (const rest of ['', '{', third.slice(0, -1), third.slice(0, 40), `${'\0'.repeat(40)}\n`]) {
    putLines(linesOf(SAMPLES.slice(0, 2)) + rest);
    assert.deepEqual(readRecord(file), two);
  }
  const [first, second] = SAMPLES.map(sampleLine);
  for (const [text, reason] of [
    [`${first}{\n${second}`, /line 2: no sample of this run: /],
    [`${first}{}\n`, /line 2: no sample of this run: cell: /],
    [first!.replace('"cell":0', '"cell":7'), /line 1: no sample of this run: there is no cell 7$/],
    [first!.replace('"fsyncs":', '"fsyncs":-'), /line 1: no sample of this run: result\.exact\.fsyncs: /],
  ] as const) {
    putLines(text);
    assert.throws(
      () => readRecord(file),
      (error: Error) => {
        assert.ok(error.name === 'RecordError' && error.message.startsWith(samplesFile(file)), error.message);
        assert.match(error.message, reason);
        return true;
      },
    );
  }
});

test('lines that an ended run left are in its record: they are not read again, and go with it', () => {
  const ended = { ...folded(begun(), SAMPLES), status: 'interrupted' as const };
  writeRecord(file, ended);
  putLines('damaged\n\n');
  assert.deepEqual(readRecord(file), ended);
  removeRecord(file);
  assert.deepEqual(fs.readdirSync(folder), []);
});

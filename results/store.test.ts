import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { runRecordJsonSchema } from './json-schema.ts';
import { RecordError } from './record-error.ts';
import { readRecord, recordPath, writeRecord } from './store.ts';
import { sampleCell, sampleRecord } from './testing/sample-record.ts';

let folder = '';
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

/** The one line that reading `text` as a record ends in. */
function refusal(text: string): string {
  const file = path.join(folder, 'record.json');
  fs.writeFileSync(file, text);
  try {
    readRecord(file);
  } catch (error) {
    assert.ok(error instanceof RecordError);
    assert.ok(!error.message.includes('\n'), error.message);
    return error.message.replace(file, 'FILE');
  }
  return assert.fail('the record was accepted');
}

test('the path names machine, commit and run, and tells a dirty tree and an unversioned one apart', () => {
  const record = sampleRecord();
  assert.equal(recordPath('runs', record), 'runs/0123456789ab/0123456789ab/20261122T201500Z-0a1b2c.json');
  const dirty = { ...record, source: { ...record.source, dirty: true } };
  assert.match(recordPath('runs', dirty), /\/0123456789ab-dirty\//);
  assert.match(recordPath('runs', { ...record, source: { ...record.source, commit: null } }), /\/unversioned\//);
});

test('a record is read as it was written, later states replace earlier ones, nothing is left beside it', () => {
  const file = path.join(folder, 'a/b/run.json');
  writeRecord(file, sampleRecord({ status: 'running', finishedAt: null }));
  writeRecord(file, sampleRecord());
  assert.deepEqual(readRecord(file), sampleRecord());
  assert.deepEqual(fs.readdirSync(path.dirname(file)), ['run.json']);
});

test('a file system that refuses gives one line; the earlier state stays, no temporary file does', () => {
  fs.mkdirSync(path.join(folder, 'run.json'));
  assert.throws(
    () => writeRecord(path.join(folder, 'run.json'), sampleRecord()),
    /^RecordError: cannot write .*run\.json: is a directory$/,
  );
  assert.deepEqual(fs.readdirSync(folder), ['run.json']);
  fs.writeFileSync(path.join(folder, 'plain'), '');
  assert.throws(
    () => writeRecord(path.join(folder, 'plain/run.json'), sampleRecord()),
    /a part of the path is not a directory$/,
  );
  assert.throws(() => writeRecord('/proc/none/run.json', sampleRecord()), /^RecordError: cannot write .*no such file/);
});

test('a malformed record is refused with the place in it', () => {
  assert.match(refusal('{"schemaVersion": 1,'), /^FILE: not a JSON document: /);
  assert.match(refusal('null'), /^FILE: \$: /);
  assert.match(
    refusal(JSON.stringify({ ...sampleRecord(), schemaVersion: 2 })),
    /^FILE: \$\.schemaVersion is 2, newer than 1/,
  );
  const broken = { ...sampleRecord(), cells: [sampleCell(), { ...sampleCell(), deterministic: 'yes' }] };
  assert.match(refusal(JSON.stringify(broken)), /^FILE: \$\.cells\[1\]\.deterministic: /);
  assert.match(refusal(JSON.stringify({ ...sampleRecord(), runId: '../../etc' })), /^FILE: \$\.runId: /);
});

test('what is no regular file is refused before it is read', () => {
  assert.throws(() => readRecord(folder), /not a regular file$/);
  assert.throws(() => readRecord('/dev/zero'), /not a regular file$/);
  assert.throws(
    () => readRecord(path.join(folder, 'none.json')),
    /^RecordError: cannot read .*none\.json: no such file or directory$/,
  );
});

test('the published JSON Schema is the one that the code generates (npm run -s cowbench -- schema > FILE)', () => {
  const published = fs.readFileSync(new URL('./schema/run-record.schema.json', import.meta.url), 'utf8');
  assert.equal(published, runRecordJsonSchema());
});

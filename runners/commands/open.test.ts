import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { recordPath, writeRecord } from '../../results/store.ts';
import { sampleRecord } from '../../results/testing/sample-record.ts';
import { temporaryFolder } from '../testing/command.ts';
import { recordNamed } from './latest-record.ts';

test('latest is the newest run of any commit and machine; a folder without one says what makes one', () => {
  const folder = temporaryFolder();
  try {
    assert.throws(
      () => recordNamed('latest', folder),
      /^UsageError: latest: no record below .*; cowbench bench makes one$/,
    );
    const commits = { old: 'f'.repeat(40), new: '0'.repeat(40) };
    const runs = { old: '20261122T201500Z-ffffff', new: '20261123T000000Z-000000' };
    for (const age of ['old', 'new'] as const) {
      const record = sampleRecord({ runId: runs[age] });
      record.source.commit = commits[age];
      const file = recordPath(folder, record);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      writeRecord(file, record);
    }
    assert.equal(path.basename(recordNamed('latest', folder)), `${runs.new}.json`);
    assert.equal(recordNamed('other.json', folder), 'other.json');
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});

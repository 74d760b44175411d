import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { RecordError } from '../../../results/record-error.ts';
import { UsageError } from '../../console/errors.ts';
import { temporaryFolder } from '../../testing/command.ts';
import { RunLock } from './run-lock.ts';

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const lockFile = () => path.join(folder, 'machine/commit/.run.lock');
const left = () => fs.readdirSync(path.dirname(lockFile()));
const place = (text: string) => {
  fs.mkdirSync(path.dirname(lockFile()), { recursive: true });
  fs.writeFileSync(lockFile(), text);
};
const refused = (reason: RegExp) =>
  assert.throws(
    () => new RunLock(lockFile()),
    (error) => error instanceof UsageError && reason.test(error.message) && !error.message.includes('\n'),
  );

test('a lock is held by one; released, it can be taken again, and nothing is left of it', () => {
  const lock = new RunLock(lockFile());
  refused(new RegExp(`^--resume: process ${process.pid} is measuring this run already \\(.*\\.run\\.lock\\)$`));
  lock.release();
  new RunLock(lockFile()).release();
  assert.deepEqual(left(), []);
});

test('the lock of a dead process is taken over', () => {
  const { pid } = spawnSync(process.execPath, ['--version']);
  place(`${pid} 12345\n`);
  const lock = new RunLock(lockFile());
  assert.match(fs.readFileSync(lockFile(), 'utf8'), new RegExp(`^${process.pid} \\d*\n$`));
  lock.release();
  assert.deepEqual(left(), []);
});

test('a process that has the number of the dead one, but began at another time, is not the holder', (context) => {
  if (!fs.existsSync('/proc/self/stat')) return context.skip('NOT TESTED: this needs /proc');
  place(`${process.pid} 1\n`);
  new RunLock(lockFile()).release();
  place('1 \n');
  refused(/^--resume: process 1 is measuring/);
});

test('while another process takes over a dead lock, nobody else does', () => {
  const { pid } = spawnSync(process.execPath, ['--version']);
  place(`${pid} 12345\n`);
  fs.writeFileSync(`${lockFile()}.${pid}-12345`, '');
  refused(/^another process is taking over .*; if none is, remove \.run\.lock\.\d+-12345$/);
});

test('what is no lock is left alone, and a folder that cannot be made is one line', () => {
  place('kept');
  refused(/is not a lock of this program; remove it$/);
  assert.equal(fs.readFileSync(lockFile(), 'utf8'), 'kept');
  fs.writeFileSync(path.join(folder, 'plain'), '');
  assert.throws(() => new RunLock(path.join(folder, 'plain/x/.run.lock')), RecordError);
});

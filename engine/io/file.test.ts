import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, mock, test } from 'node:test';
import { Qcow2Error } from '../base/errors.ts';
import { blockFileSuite, refusesChanges } from '../testing/block-file-suite.ts';
import { type BlockFile, HOST_CACHE_MODES, type HostCacheMode } from './block-file.ts';
import { openFile } from './file.ts';

let directory = '';
let made = 0;
before(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
});
after(() => fs.rmSync(directory, { recursive: true, force: true }));

function create(mode: HostCacheMode): BlockFile {
  return openFile(path.join(directory, `file-${made++}`), { mode, create: true });
}

/** Whether this file system takes O_DIRECT at all; tmpfs for one may not. */
function takesDirect(): boolean {
  const probe = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  try {
    openFile(path.join(probe, 'probe'), { mode: 'none', create: true }).close();
    return true;
  } catch (error) {
    assert.ok(error instanceof Qcow2Error && error.code === 'UNSUPPORTED', String(error));
    return false;
  } finally {
    fs.rmSync(probe, { recursive: true });
  }
}

const DIRECT = takesDirect();
const MODES = HOST_CACHE_MODES.filter((mode) => DIRECT || (mode !== 'none' && mode !== 'directsync'));
const withoutDirect = DIRECT ? false : 'this file system refuses O_DIRECT: modes none and directsync are not tested';

for (const mode of MODES) {
  describe(`host cache mode ${mode}`, () => {
    blockFileSuite(mode, () => create(mode));

    test('opens the file with the flags of its name', { skip: process.platform !== 'linux' }, () => {
      const file = create(mode);
      const { O_DSYNC, O_DIRECT } = fs.constants;
      const flags = flagsOf(file.name);
      const has = (flag: number) => Math.floor(flags / flag) % 2 === 1;
      assert.equal(has(O_DSYNC), mode === 'writethrough' || mode === 'directsync');
      assert.equal(has(O_DIRECT), mode === 'none' || mode === 'directsync');
      assert.equal(file.writesAreDurable, mode === 'writethrough' || mode === 'directsync');
      file.close();
    });

    test('a sync reaches the operating system, but in mode unsafe', () => {
      const file = create(mode);
      const system = mock.method(fs, 'fdatasyncSync');
      file.sync('other');
      file.sync('other');
      system.mock.restore();
      assert.equal(system.mock.callCount(), mode === 'unsafe' ? 0 : 2);
      assert.equal(file.ignoresSyncs, mode === 'unsafe');
      file.close();
    });
  });
}

/** The flags of this process's open file at `filePath`, from the kernel. */
function flagsOf(filePath: string): number {
  const descriptor = fs.readdirSync('/proc/self/fd').find((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`) === filePath;
    } catch {
      return false;
    }
  });
  const [, octal] = /^flags:\s*(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))!;
  return Number.parseInt(octal!, 8);
}

test('after a failed sync nothing is written any more, whatever later syncs would say', () => {
  const file = create('writeback');
  file.write(0, new Uint8Array(512).fill(1), 'data');
  const system = mock.method(fs, 'fdatasyncSync', () => {
    throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
  });
  assert.throws(
    () => file.sync('guest-flush'),
    (error) =>
      error instanceof Qcow2Error &&
      error.code === 'IO' &&
      error.message === `cannot sync ${file.name}: input/output error`,
  );
  system.mock.restore();
  const poisoned = /a sync failed earlier, so nothing written since is certain/;
  assert.throws(() => file.sync('guest-flush'), poisoned);
  assert.throws(() => file.write(0, new Uint8Array(512), 'data'), poisoned);
  assert.throws(() => file.truncate(0), poisoned);
  assert.throws(() => file.punchHole(0, 512), poisoned);
  const into = new Uint8Array(512);
  file.read(0, into, 'data');
  assert.ok(into.every((byte) => byte === 1));
  file.close();
});

test('a short write or read of the system is continued', () => {
  const file = create('writeback');
  const write = fs.writeSync;
  const read = fs.readSync;
  const writes = mock.method(fs, 'writeSync', ((
    fd: number,
    from: Uint8Array,
    at: number,
    length: number,
    position: number,
  ) => write(fd, from, at, Math.min(length, 300), position)) as typeof fs.writeSync);
  const bytes = Uint8Array.from({ length: 1024 }, (_, at) => at % 251);
  file.write(0, bytes, 'data');
  writes.mock.restore();
  const reads = mock.method(fs, 'readSync', ((
    fd: number,
    into: Uint8Array,
    at: number,
    length: number,
    position: number,
  ) => read(fd, into, at, Math.min(length, 300), position)) as typeof fs.readSync);
  const found = new Uint8Array(1024);
  file.read(0, found, 'data');
  reads.mock.restore();
  assert.deepEqual(found, bytes);
  file.close();
});

test('an interrupted read is made again', () => {
  const file = create('writeback');
  const bytes = new Uint8Array(1024).fill(7);
  file.write(0, bytes, 'data');
  const read = fs.readSync;
  let calls = 0;
  const reads = mock.method(fs, 'readSync', ((
    fd: number,
    into: Uint8Array,
    at: number,
    length: number,
    position: number,
  ) => {
    if (++calls < 3) throw Object.assign(new Error('EINTR: interrupted system call, read'), { code: 'EINTR' });
    return read(fd, into, at, length, position);
  }) as typeof fs.readSync);
  const found = new Uint8Array(1024);
  file.read(0, found, 'data');
  reads.mock.restore();
  assert.deepEqual(found, bytes);
  assert.equal(calls, 3);
  file.close();
});

test('a write of which the system takes nothing is an error, not a hang', () => {
  const file = create('writeback');
  const writes = mock.method(fs, 'writeSync', () => 0);
  assert.throws(() => file.write(0, new Uint8Array(512), 'data'), /cannot write 512 bytes at offset 0 .*input\/output/);
  assert.equal(writes.mock.callCount(), 1);
  writes.mock.restore();
  file.close();
});

test('a full file system is named as such, with offset and length', () => {
  const file = create('writeback');
  const system = mock.method(fs, 'writeSync', () => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  });
  assert.throws(
    () => file.write(4096, new Uint8Array(512), 'data'),
    (error) =>
      error instanceof Qcow2Error &&
      error.code === 'NO_SPACE' &&
      error.message === `cannot write 512 bytes at offset 4096 of ${file.name}: no space left on device`,
  );
  system.mock.restore();
  file.close();
});

test('a file opened for reading refuses changes', () => {
  const file = create('writeback');
  file.write(0, new Uint8Array(512).fill(5), 'data');
  file.close();
  const reader = openFile(file.name, { readOnly: true });
  refusesChanges(reader);
  assert.equal(reader.sizeBytes(), 512);
  reader.close();
});

test('what cannot be opened is one clear error', () => {
  const missing = path.join(directory, 'missing');
  assert.throws(() => openFile(missing), {
    code: 'IO',
    message: `cannot open ${missing}: no such file or directory`,
  });
  assert.throws(() => openFile(directory), { code: 'IO', message: `cannot open ${directory}: is a directory` });
});

test('an unaligned O_DIRECT write is refused before the system sees it', { skip: withoutDirect }, () => {
  const file = create('none');
  assert.throws(() => file.write(100, new Uint8Array(512), 'data'), { code: 'INVALID_ARGUMENT' });
  assert.throws(() => file.write(0, new Uint8Array(100), 'data'), { code: 'INVALID_ARGUMENT' });
  assert.equal(file.sizeBytes(), 0);
  file.close();
});

test('a request larger than the aligned buffer so far is no problem', { skip: withoutDirect }, () => {
  const file = create('none');
  const bytes = Uint8Array.from({ length: 3 * 65536 + 512 }, (_, at) => at % 253);
  file.write(512, bytes, 'data');
  const found = new Uint8Array(bytes.length);
  file.read(512, found, 'data');
  assert.deepEqual(found, bytes);
  file.close();
});

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { countSystemCalls, noCalls } from './system-calls.ts';
import { inFolder } from './testing/requests.ts';

const LOG = `7 write(1, "qemu-io> ", 9)               = 9
7 pread64(4, "QFI\\373"..., 112, 0)   = 112
8 pwrite64(4, ""..., 65536, 65536 <unfinished ...>
9 fdatasync(4 <unfinished ...>
8 <... pwrite64 resumed>)            = 512
9 <... fdatasync resumed>)           = 0
7 write(1, "qemu-io> ", 9)               = 9
8 fallocate(4, FALLOC_FL_ZERO_RANGE, 0, 65536) = -1 EOPNOTSUPP (Operation not supported)
8 fallocate(4, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 0, 65536) = 0
8 preadv(4, [{iov_base=""..., iov_len=512}, {iov_base=""..., iov_len=512}], 2, 0) = 1024
8 ftruncate(4, 512)                   = 0
9 ???( <unfinished ...>
8 <... ??? resumed>)                  = ?
8 pwrite64(4, ""..., 65536, 65536 <unfinished ...>) = ?
9 +++ exited with 0 +++
`;

test('calls are counted between prompts, by what they returned', () =>
  inFolder(async (folder) => {
    const log = path.join(folder, 'log');
    fs.writeFileSync(log, LOG);
    assert.deepEqual(await countSystemCalls(log), [
      noCalls(),
      { ...noCalls(), reads: 1, readBytes: 112, writes: 1, writeBytes: 512, fsyncs: 1 },
      { ...noCalls(), reads: 1, readBytes: 1024, fallocates: 1, truncates: 1 },
    ]);
  }));

test('a line that is no call is refused, not skipped', () =>
  inFolder(async (folder) => {
    const log = path.join(folder, 'log');
    fs.writeFileSync(log, '7 fdatasync(4) = 0\nfdatasync without a thread\n');
    await assert.rejects(countSystemCalls(log), { code: 'IO', message: /fdatasync without a thread/ });
  }));

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { decodeWriteLog, encodeWriteLog, MemoryFile, SECTOR_BYTES } from '../../engine/index.ts';
import { recordQemu } from './recording.ts';
import { FLUSH, inFolder, makeImage, plain, write } from './testing/requests.ts';

const CLUSTER = 4096;
const REQUESTS = [
  plain({ op: 'write-compressed', offset: 0, length: CLUSTER }, 3),
  FLUSH,
  write(0, CLUSTER, 4),
  plain({ op: 'read', offset: 0, length: 512 }),
  write(8192, CLUSTER, 5),
  FLUSH,
  plain({ op: 'snapshot-create', name: 'one' }),
  write(512, 512, 6),
  plain({ op: 'write-zeroes', offset: 8192, length: CLUSTER, mayUnmap: true }),
  plain({ op: 'snapshot-apply', name: 'one' }),
  plain({ op: 'reopen' }),
  write(65536, 65536, 7),
];

interface LogEntry {
  readonly offset: number;
  readonly flags: number;
  readonly data: Uint8Array;
}

const FLUSH_FLAG = 1;
const DISCARD_FLAG = 4;

function* entriesOf(log: Buffer): Generator<LogEntry> {
  for (let at = SECTOR_BYTES; at < log.length; ) {
    const sectors = Number(log.readBigUInt64LE(at + 8));
    const flags = Number(log.readBigUInt64LE(at + 16));
    const start = at + SECTOR_BYTES;
    const bytes = flags & DISCARD_FLAG ? 0 : sectors * SECTOR_BYTES;
    yield {
      offset: Number(log.readBigUInt64LE(at)) * SECTOR_BYTES,
      flags,
      data: log.subarray(start, start + bytes),
    };
    at = start + bytes;
  }
}

test('the log holds everything that was written: replayed on the first image it gives the last one', () =>
  inFolder(async (folder) => {
    const imagePath = makeImage(folder, '64M', CLUSTER);
    const before = fs.readFileSync(imagePath);
    const logPath = path.join(folder, 'log');
    const { guestEvents } = await recordQemu(REQUESTS, { imagePath, logPath, cache: 'writeback' });
    const after = fs.readFileSync(imagePath);
    const entries = [...entriesOf(fs.readFileSync(logPath))];
    const replayed = Buffer.alloc(after.length);
    before.copy(replayed);
    for (const { offset, flags, data } of entries) if (!(flags & DISCARD_FLAG)) replayed.set(data, offset);
    assert.ok(replayed.equals(after));

    assert.deepEqual(
      guestEvents.map(({ request }) => request.op),
      ['open', ...REQUESTS.map(({ request }) => request.op), 'close'],
    );
    let next = 0;
    for (const { firstLogEntry, lastLogEntry } of guestEvents) {
      assert.equal(firstLogEntry, next);
      next = lastLogEntry + 1;
    }
    assert.equal(next, entries.length);
    const flushes = guestEvents.filter(({ request }) => request.op === 'flush');
    for (const event of flushes) assert.equal(entries[event.lastLogEntry]!.flags, FLUSH_FLAG, 'ends with a sync');
    const reading = guestEvents.find(({ request }) => request.op === 'read')!;
    assert.equal(reading.lastLogEntry, reading.firstLogEntry - 1);
  }));

test('our importer reads the log: punches too replayed, it gives the last image, and our exporter keeps all of it', () =>
  inFolder(async (folder) => {
    const imagePath = makeImage(folder, '64M', CLUSTER);
    const file = new MemoryFile('replayed', new Uint8Array(fs.readFileSync(imagePath)));
    const logPath = path.join(folder, 'log');
    const requests = [...REQUESTS, FLUSH, plain({ op: 'discard', offset: 65536, length: 8 * CLUSTER })];
    const { guestEvents } = await recordQemu(requests, { imagePath, logPath, cache: 'writeback' });
    const events = decodeWriteLog(fs.readFileSync(logPath), logPath);
    for (const event of events) {
      if (event.op === 'write') file.write(event.offset, event.bytes, 'data');
      if (event.op === 'punch') file.punchHole(event.offset, event.lengthBytes);
    }
    assert.ok(events.some(({ op }) => op === 'punch'));
    assert.ok(Buffer.from(file.bytes()).equals(fs.readFileSync(imagePath)));
    assert.equal(guestEvents.at(-1)!.imageBytes, file.sizeBytes());
    assert.deepEqual(decodeWriteLog(encodeWriteLog(events), 'ours'), events);
  }));

test('requests that write nothing leave a log that is not begun', () =>
  inFolder(async (folder) => {
    const imagePath = makeImage(folder, '64M', CLUSTER);
    const logPath = path.join(folder, 'log');
    const { guestEvents } = await recordQemu([FLUSH], { imagePath, logPath, cache: 'writeback' });
    assert.deepEqual(
      guestEvents.map(({ lastLogEntry }) => lastLogEntry),
      [-1, -1, -1],
    );
    assert.equal(fs.statSync(logPath).size, 0);
  }));

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Qcow2Error } from '../base/errors.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { type RecordedEvent, RecordingFile } from './recording-file.ts';
import { decodeWriteLog, encodeWriteLog } from './write-log.ts';

/** Fails every write and sync while `broken`. */
class BreakableFile extends ForwardingFile {
  broken = false;
  override write(...args: Parameters<ForwardingFile['write']>): void {
    if (this.broken) throw new Qcow2Error('IO', 'broken');
    super.write(...args);
  }
  override sync(...args: Parameters<ForwardingFile['sync']>): void {
    if (this.broken) throw new Qcow2Error('IO', 'broken');
    super.sync(...args);
  }
}

function filled(value: number, lengthBytes = 512): Uint8Array {
  return new Uint8Array(lengthBytes).fill(value);
}

/** Replays a recording on an empty file. */
function replay(events: readonly RecordedEvent[]): Uint8Array {
  const file = new MemoryFile();
  for (const event of events) {
    if (event.op === 'write' && !event.failed) file.write(event.offset, event.bytes, 'data');
    if (event.op === 'truncate') file.truncate(event.sizeBytes);
    if (event.op === 'punch') file.punchHole(event.offset, event.lengthBytes);
    if (event.op === 'preallocate') file.preallocate(event.offset, event.lengthBytes);
  }
  return file.bytes();
}

function sampleRecording(): { recording: RecordingFile; memory: MemoryFile } {
  const memory = new MemoryFile();
  const recording = new RecordingFile(memory);
  recording.truncate(4096);
  recording.mark({ request: 0, phase: 'start' });
  recording.write(512, filled(1, 1024), 'data');
  recording.sync('guest-flush');
  recording.mark({ request: 0, phase: 'ack' });
  recording.punchHole(1024, 512);
  recording.write(8192, filled(2), 'l2');
  recording.preallocate(8192, 4096);
  return { recording, memory };
}

describe('recording', () => {
  test('every change in order, on one clock with the guest marks', () => {
    const { recording, memory } = sampleRecording();
    const ops = recording.events.map(({ op }) => op);
    assert.deepEqual(ops, ['truncate', 'mark', 'write', 'sync', 'mark', 'punch', 'write', 'preallocate']);
    assert.deepEqual(
      recording.events.map(({ sequence }) => sequence),
      [0, 1, 2, 3, 4, 5, 6, 7],
    );
    assert.deepEqual(replay(recording.events), memory.bytes());
  });

  test('the payload is a copy', () => {
    const recording = new RecordingFile(new MemoryFile());
    const bytes = filled(1);
    recording.write(0, bytes, 'data');
    bytes.fill(9);
    const event = recording.events[0]!;
    assert.equal(event.op === 'write' && event.bytes[0], 1);
  });

  test('what failed is recorded as failed, and still fails', () => {
    const breakable = new BreakableFile(new MemoryFile('f', undefined, { writesAreDurable: true }));
    const recording = new RecordingFile(breakable);
    breakable.broken = true;
    assert.throws(() => recording.write(0, filled(1), 'data'), /broken/);
    assert.throws(() => recording.sync('close'), /broken/);
    assert.deepEqual(
      recording.events.map((event) => ('failed' in event ? [event.op, event.failed] : null)),
      [
        ['write', true],
        ['sync', true],
      ],
    );
    const write = recording.events[0]!;
    assert.equal(write.op === 'write' && write.durable, false, 'a failed O_DSYNC write is not durable');
  });

  test('writes through an O_DSYNC file are durable', () => {
    const recording = new RecordingFile(new MemoryFile('f', undefined, { writesAreDurable: true }));
    recording.write(0, filled(1), 'data');
    const event = recording.events[0]!;
    assert.equal(event.op === 'write' && event.durable, true);
  });
});

describe('write log', () => {
  test('a recording comes back, but for the kinds of its writes and the causes of its syncs', () => {
    const { recording, memory } = sampleRecording();
    const read = decodeWriteLog(encodeWriteLog(recording.events), 'log');
    const expected = recording.events.map((event) => {
      if (event.op === 'write') return { ...event, kind: null };
      return event.op === 'sync' ? { ...event, cause: 'other' } : event;
    });
    assert.deepEqual(read, expected);
    assert.deepEqual(replay(read), memory.bytes());
  });

  test('the documented layout, byte by byte', () => {
    const log = encodeWriteLog([
      { op: 'write', sequence: 0, offset: 1536, bytes: filled(7), kind: 'l2', durable: true, failed: false },
    ]);
    const view = new DataView(log.buffer);
    assert.equal(log.length, 512 + 512 + 512);
    assert.equal(view.getBigUint64(0, true), 0x6a736677736872n);
    assert.deepEqual(
      [view.getBigUint64(8, true), view.getBigUint64(16, true), view.getUint32(24, true)],
      [1n, 1n, 512],
    );
    const fields = [0, 8, 16, 24].map((at) => Number(view.getBigUint64(512 + at, true)));
    assert.deepEqual(fields, [3, 1, 2, 512], 'sector, sectors, FUA, bytes of data');
    assert.equal(log[1024], 7);
  });

  test('what is read from a Buffer is a copy, with nothing around it', () => {
    const log = Buffer.from(encodeWriteLog(sampleRecording().recording.events));
    const writes = decodeWriteLog(log, 'log').filter((event) => event.op === 'write');
    assert.ok(writes.length > 0);
    for (const { bytes } of writes) assert.equal(bytes.slice().buffer.byteLength, bytes.length);
  });

  test('what is no log, or is cut off, is one clear error', () => {
    const log = encodeWriteLog(sampleRecording().recording.events);
    assert.throws(() => decodeWriteLog(filled(0), 'x'), /x: not a write log/);
    assert.throws(() => decodeWriteLog(new Uint8Array(3), 'x'), /x: not a write log/);
    assert.throws(
      () => decodeWriteLog(log.subarray(0, log.length - 1), 'x'),
      /x: the write log ends inside the entry at byte/,
    );
    const strange = log.slice();
    strange[24] = 1;
    assert.throws(() => decodeWriteLog(strange, 'x'), /sector size/);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Qcow2Error } from '../base/errors.ts';
import { SYNC_CAUSES, TABLE_KINDS } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { CountingFile, kindOf } from './counting-file.ts';
import { RecordingFile } from './recording-file.ts';
import type { Operation } from './tap.ts';
import { TimingFile } from './timing-file.ts';

const SEED = 493810940;

const kind = fc.constantFrom(...TABLE_KINDS);
const calls = fc.array(
  fc.record({
    op: fc.constantFrom('read', 'write', 'sync', 'truncate', 'punch', 'preallocate'),
    serving: fc.array(fc.record({ op: fc.constantFrom('write', 'flush') }), { maxLength: 3 }),
    kind,
    cause: fc.constantFrom(...SYNC_CAUSES),
    offset: fc.nat({ max: 5000 }),
    lengthBytes: fc.nat({ max: 3000 }),
  }),
  { maxLength: 60, size: 'max' },
);

interface Event {
  readonly op: string;
  readonly what: string | null;
  readonly lengthBytes: number;
  readonly request: string;
}

/** Bytes that an operation moved; a read moves none past the end of the file. */
function movedBytes(operation: Operation, sizeBytes: number): number {
  if (operation.op === 'read') return Math.max(0, Math.min(operation.bytes.length, sizeBytes - operation.offset));
  if (operation.op === 'write') return operation.bytes.length;
  return 'lengthBytes' in operation ? operation.lengthBytes : 0;
}

function subjectOf(operation: Operation): string | null {
  if (operation.op === 'sync') return operation.cause;
  return 'kind' in operation ? operation.kind : null;
}

test('counts are what the layer below was asked to do, in all and by kind, cause and request', () => {
  const property = fc.property(calls, fc.boolean(), (list, writesAreDurable) => {
    const events: Event[] = [];
    const memory = new MemoryFile('memory', new Uint8Array(0), { writesAreDurable });
    let request = 'other';
    const traced = new TimingFile(memory, (operation) => {
      const lengthBytes = movedBytes(operation, memory.sizeBytes());
      events.push({ op: operation.op, what: subjectOf(operation), lengthBytes, request });
    });
    const file = new CountingFile(traced);
    for (const call of list) {
      request = kindOf(call.serving);
      file.serving = call.serving;
      if (call.op === 'read') file.read(call.offset, new Uint8Array(call.lengthBytes), call.kind);
      else if (call.op === 'write') file.write(call.offset, new Uint8Array(call.lengthBytes), call.kind);
      else if (call.op === 'sync') file.sync(call.cause);
      else if (call.op === 'truncate') file.truncate(call.offset);
      else if (call.op === 'punch') file.punchHole(call.offset, call.lengthBytes);
      else file.preallocate(call.offset, call.lengthBytes);
    }
    const of = (op: string) => events.filter((event) => event.op === op);
    const bytes = (some: typeof events) => some.reduce((sum, event) => sum + event.lengthBytes, 0);
    // Before the sync, and after the last one, the file was changed.
    const changes = ['write', 'truncate', 'punch', 'preallocate'];
    const working = events.filter((event, index) => {
      const since = events.slice(events.findLastIndex(({ op }, before) => before < index && op === 'sync') + 1, index);
      return event.op === 'sync' && since.some(({ op }) => changes.includes(op));
    });
    const { counts } = file;
    const expectedOf = (some: typeof events) => ({
      fsyncs: some.filter(({ op }) => op === 'sync').length,
      odsyncWrites: writesAreDurable ? some.filter(({ op }) => op === 'write').length : 0,
      writes: some.filter(({ op }) => op === 'write').length,
      writeBytes: bytes(some.filter(({ op }) => op === 'write')),
      reads: some.filter(({ op }) => op === 'read').length,
      readBytes: bytes(some.filter(({ op }) => op === 'read')),
    });
    const { fsyncs, odsyncWrites, writes, writeBytes, reads, readBytes: allReadBytes } = counts;
    assert.deepEqual({ fsyncs, odsyncWrites, writes, writeBytes, reads, readBytes: allReadBytes }, expectedOf(events));
    assert.equal(counts.truncates, of('truncate').length);
    assert.equal(counts.punches, of('punch').length);
    assert.equal(counts.preallocations, of('preallocate').length);
    assert.equal(counts.preallocatedBytes, bytes(of('preallocate')));
    for (const [name, row] of Object.entries(counts.byRequest)) {
      assert.deepEqual(row, expectedOf(events.filter((event) => event.request === name)), name);
    }
    for (const one of TABLE_KINDS) {
      const mine = events.filter((event) => event.what === one && (event.op === 'read' || event.op === 'write'));
      const { fsyncs: _, odsyncWrites: _durable, ...row } = expectedOf(mine);
      assert.deepEqual(counts.byKind[one], row, one);
    }
    for (const cause of SYNC_CAUSES) {
      assert.equal(counts.syncsByCause[cause], of('sync').filter((event) => event.what === cause).length, cause);
      assert.equal(counts.workingSyncsByCause[cause], working.filter(({ what }) => what === cause).length, cause);
    }
    assert.equal(counts.workingSyncs, working.length);
  });
  fc.assert(property, { seed: SEED, numRuns: 200 });
});

test('what fails is not counted', () => {
  class FailingFile extends ForwardingFile {
    override read(): void {
      throw new Qcow2Error('IO', 'read fails');
    }
    override write(): void {
      throw new Qcow2Error('IO', 'write fails');
    }
    override sync(): void {
      throw new Qcow2Error('IO', 'sync fails');
    }
  }
  const file = new CountingFile(new FailingFile(new MemoryFile()));
  assert.throws(() => file.read(0, new Uint8Array(512), 'data'), /read fails/);
  assert.throws(() => file.write(0, new Uint8Array(512), 'data'), /write fails/);
  assert.throws(() => file.sync('other'), /sync fails/);
  const { fsyncs, writes, reads } = file.counts;
  assert.deepEqual({ fsyncs, writes, reads }, { fsyncs: 0, writes: 0, reads: 0 });
});

test('a sync that an unsafe file ignores is neither counted, nor timed, nor recorded', () => {
  class UnsafeFile extends ForwardingFile {
    override readonly ignoresSyncs = true;
  }
  const seen: string[] = [];
  const recording = new RecordingFile(new UnsafeFile(new MemoryFile()));
  const file = new CountingFile(new TimingFile(recording, ({ op }) => seen.push(op)));
  file.write(0, new Uint8Array(512), 'data');
  file.sync('guest-flush');
  assert.deepEqual(seen, ['write']);
  assert.deepEqual(
    recording.events.map(({ op }) => op),
    ['write'],
  );
  assert.equal(file.counts.fsyncs, 0);
});

test('a sync that several requests share is one sync of their kind', () => {
  const file = new CountingFile(new MemoryFile());
  const flush = { op: 'flush' };
  file.serving = [flush];
  file.sync('guest-flush');
  file.serving = [flush, flush, flush];
  file.sync('guest-flush');
  file.serving = [flush, { op: 'write' }, flush];
  file.sync('guest-flush');
  file.serving = [];
  file.sync('close');
  assert.equal(file.counts.fsyncs, 4);
  assert.deepEqual(file.counts.syncsByRequest, {
    flush: { 'guest-flush': 2 },
    'flush+write': { 'guest-flush': 1 },
    other: { close: 1 },
  });
});

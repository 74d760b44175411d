import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TimingFile } from '../instruments/timing-file.ts';
import { MemoryFile } from './memory-file.ts';
import { readBytes, writeBytes } from './sector-access.ts';

const SEED = 512;
const SPAN_BYTES = 8192;

interface Access {
  readonly op: string;
  readonly offset: number;
  readonly lengthBytes: number;
}

function trace(initial = new Uint8Array(0)): { file: TimingFile; events: Access[] } {
  const events: Access[] = [];
  const file = new TimingFile(new MemoryFile('memory', initial), (operation) => {
    assert.ok(operation.op === 'read' || operation.op === 'write');
    events.push({ op: operation.op, offset: operation.offset, lengthBytes: operation.bytes.length });
  });
  return { file, events };
}

const range = fc
  .tuple(fc.nat({ max: SPAN_BYTES - 1 }), fc.integer({ min: 1, max: 2000 }))
  .map(([offset, length]) => ({ offset, lengthBytes: Math.min(length, SPAN_BYTES - offset) }));

test('any ranges, read and written, are as on a plain buffer; the file sees whole sectors only', () => {
  const property = fc.property(fc.array(fc.tuple(range, fc.nat({ max: 255 })), { maxLength: 20 }), (writes) => {
    const { file, events } = trace();
    const plain = new Uint8Array(SPAN_BYTES);
    for (const [{ offset, lengthBytes }, byte] of writes) {
      writeBytes(file, offset, new Uint8Array(lengthBytes).fill(byte), 'header');
      plain.fill(byte, offset, offset + lengthBytes);
      const around = Math.max(0, offset - 3);
      const found = new Uint8Array(Math.min(lengthBytes + 6, SPAN_BYTES - around)).fill(0xee);
      readBytes(file, around, found, 'header');
      assert.deepEqual(found, plain.slice(around, around + found.length));
    }
    for (const event of events) {
      assert.equal(event.offset % 512, 0);
      assert.equal(event.lengthBytes % 512, 0);
    }
  });
  fc.assert(property, { seed: SEED, numRuns: 300 });
});

test('a range becomes the partial first sector, the whole middle and the partial last one', () => {
  const shapes: [offset: number, lengthBytes: number, events: string[]][] = [
    [0, 512, ['write 0+512']],
    [0, 2048, ['write 0+2048']],
    [8, 8, ['read 0+512', 'write 0+512']],
    [0, 1000, ['write 0+512', 'read 512+512', 'write 512+512']],
    [500, 24, ['read 0+512', 'write 0+512', 'read 512+512', 'write 512+512']],
    [100, 2000, ['read 0+512', 'write 0+512', 'write 512+1536', 'read 2048+512', 'write 2048+512']],
    [512, 0, []],
  ];
  for (const [offset, lengthBytes, wanted] of shapes) {
    const { file, events } = trace(new Uint8Array(4096));
    writeBytes(file, offset, new Uint8Array(lengthBytes), 'l1');
    assert.deepEqual(
      events.map((event) => `${event.op} ${event.offset}+${event.lengthBytes}`),
      wanted,
      `${lengthBytes} bytes at ${offset}`,
    );
  }
});

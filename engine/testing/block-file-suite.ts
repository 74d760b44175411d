/** What every {@link BlockFile} must do, as tests: run it for each implementation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Qcow2Error } from '../base/errors.ts';
import type { BlockFile } from '../io/block-file.ts';

const SEED = 93913;
const SECTOR = 512;
const SPAN_SECTORS = 64;

type Step =
  | { readonly op: 'read' | 'punch'; readonly sector: number; readonly sectors: number }
  | { readonly op: 'write'; readonly sector: number; readonly sectors: number; readonly byte: number }
  | { readonly op: 'truncate'; readonly sector: number }
  | { readonly op: 'sync' };

const sector = fc.nat({ max: SPAN_SECTORS });
const sectors = fc.integer({ min: 1, max: 12 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ op: fc.constant('read' as const), sector, sectors }),
    fc.record({ op: fc.constant('punch' as const), sector, sectors }),
    fc.record({ op: fc.constant('write' as const), sector, sectors, byte: fc.integer({ min: 1, max: 255 }) }),
    fc.record({ op: fc.constant('write' as const), sector, sectors, byte: fc.integer({ min: 1, max: 255 }) }),
    fc.record({ op: fc.constant('truncate' as const), sector }),
    fc.record({ op: fc.constant('sync' as const) }),
  ),
  { maxLength: 40, size: 'max' },
);

/** The contract on a plain buffer. */
class PlainBytes {
  readonly bytes = new Uint8Array((SPAN_SECTORS + 12) * SECTOR);
  endBytes = 0;

  write(offset: number, lengthBytes: number, byte: number): void {
    this.bytes.fill(byte, offset, offset + lengthBytes);
    this.endBytes = Math.max(this.endBytes, offset + lengthBytes);
  }

  truncate(sizeBytes: number): void {
    this.bytes.fill(0, sizeBytes);
    this.endBytes = sizeBytes;
  }
}

/** Does `step` to both and compares what they answer. */
function take(step: Step, file: BlockFile, plain: PlainBytes): void {
  if (step.op === 'sync') return file.sync('other');
  const offset = step.sector * SECTOR;
  if (step.op === 'truncate') {
    file.truncate(offset);
    return plain.truncate(offset);
  }
  const lengthBytes = step.sectors * SECTOR;
  if (step.op === 'write') {
    file.write(offset, new Uint8Array(lengthBytes).fill(step.byte), 'data');
    plain.write(offset, lengthBytes, step.byte);
  } else if (step.op === 'punch') {
    if (file.punchHole(offset, lengthBytes)) plain.bytes.fill(0, offset, offset + lengthBytes);
  } else {
    const found = new Uint8Array(lengthBytes).fill(0xee);
    file.read(offset, found, 'data');
    assert.deepEqual(found, plain.bytes.slice(offset, offset + lengthBytes));
  }
}

/** Tests for the implementation called `name`; `make` gives a new, empty, writable file, which is closed afterwards. */
export function blockFileSuite(name: string, make: () => BlockFile): void {
  test(`${name}: any sequence of operations leaves what it leaves on a plain buffer`, () => {
    const property = fc.property(steps, (list) => {
      const file = make();
      const plain = new PlainBytes();
      try {
        for (const step of list) {
          take(step, file, plain);
          assert.equal(file.sizeBytes(), plain.endBytes);
        }
        take({ op: 'read', sector: 0, sectors: SPAN_SECTORS + 12 }, file, plain);
      } finally {
        file.close();
      }
    });
    fc.assert(property, { seed: SEED, numRuns: 40 });
  });

  test(`${name}: a read across the end fills the rest with zeros`, () => {
    const file = make();
    file.write(0, new Uint8Array(SECTOR).fill(7), 'data');
    const into = new Uint8Array(3 * SECTOR).fill(0xee);
    file.read(0, into, 'data');
    assert.ok(into.every((byte, at) => byte === (at < SECTOR ? 7 : 0)));
    file.read(100 * SECTOR, into, 'data');
    assert.ok(into.every((byte) => byte === 0));
    file.close();
  });

  test(`${name}: the caller's buffers stay the caller's`, () => {
    const file = make();
    const bytes = new Uint8Array(SECTOR).fill(1);
    file.write(0, bytes, 'data');
    bytes.fill(2);
    const into = new Uint8Array(SECTOR);
    file.read(0, into, 'data');
    into[0] = 9;
    const again = new Uint8Array(SECTOR);
    file.read(0, again, 'data');
    assert.ok(again.every((byte) => byte === 1));
    file.close();
  });
}

/** Every change of a file that is open for reading is refused, and changes nothing. */
export function refusesChanges(file: BlockFile): void {
  const changes = [
    () => file.write(0, new Uint8Array(SECTOR), 'data'),
    () => file.sync('other'),
    () => file.truncate(0),
    () => file.punchHole(0, SECTOR),
  ];
  for (const change of changes) {
    assert.throws(change, (error) => error instanceof Qcow2Error && error.code === 'READ_ONLY');
  }
}

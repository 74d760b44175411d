/** What every {@link BlockFile} must do, as tests: run it for each implementation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Qcow2Error } from '../base/errors.ts';
import type { BlockFile, FileExtent } from '../io/block-file.ts';
import { MemoryFile } from '../io/memory-file.ts';

const SEED = 93913;
const SECTOR = 512;
const SPAN_SECTORS = 64;

type Step =
  | { readonly op: 'read' | 'punch' | 'preallocate'; readonly sector: number; readonly sectors: number }
  | { readonly op: 'write'; readonly sector: number; readonly sectors: number; readonly byte: number }
  | { readonly op: 'truncate'; readonly sector: number }
  | { readonly op: 'extent'; readonly sector: number }
  | { readonly op: 'sync' };

const sector = fc.nat({ max: SPAN_SECTORS });
const sectors = fc.integer({ min: 1, max: 12 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ op: fc.constant('read' as const), sector, sectors }),
    fc.record({ op: fc.constant('punch' as const), sector, sectors }),
    fc.record({ op: fc.constant('write' as const), sector, sectors, byte: fc.integer({ min: 1, max: 255 }) }),
    fc.record({ op: fc.constant('write' as const), sector, sectors, byte: fc.integer({ min: 1, max: 255 }) }),
    fc.record({ op: fc.constant('preallocate' as const), sector, sectors }),
    fc.record({ op: fc.constant('truncate' as const), sector }),
    fc.record({ op: fc.constant('extent' as const), sector }),
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

  preallocate(offset: number, lengthBytes: number): void {
    this.endBytes = Math.max(this.endBytes, offset + lengthBytes);
  }

  /** A file system may store zeros, but a hole holds nothing else. */
  allowsExtent(offset: number, { isHole, endOffset }: FileExtent): boolean {
    if (endOffset <= offset || endOffset > this.endBytes) return false;
    return !isHole || this.bytes.subarray(offset, endOffset).every((byte) => byte === 0);
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
  if (step.op === 'extent') {
    const extent = offset < plain.endBytes ? file.extentAt(offset) : null;
    assert.ok(extent === null || plain.allowsExtent(offset, extent), JSON.stringify(extent));
    return;
  }
  const lengthBytes = step.sectors * SECTOR;
  if (step.op === 'write') {
    file.write(offset, new Uint8Array(lengthBytes).fill(step.byte), 'data');
    plain.write(offset, lengthBytes, step.byte);
  } else if (step.op === 'punch') {
    if (file.punchHole(offset, lengthBytes)) plain.bytes.fill(0, offset, offset + lengthBytes);
  } else if (step.op === 'preallocate') {
    if (file.preallocate(offset, lengthBytes)) plain.preallocate(offset, lengthBytes);
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
    () => file.preallocate(0, SECTOR),
  ];
  for (const change of changes) {
    assert.throws(change, (error) => error instanceof Qcow2Error && error.code === 'READ_ONLY');
  }
}

type Methods = { [Name in keyof BlockFile]: BlockFile[Name] extends (...words: never[]) => unknown ? Name : never };
type Method = Methods[keyof BlockFile];

/** A call of each method; one that is added to the contract does not compile until it is here. */
const CALLS: { readonly [Name in Method]: Parameters<BlockFile[Name]> } = {
  sizeBytes: [],
  read: [SECTOR, new Uint8Array(3 * SECTOR), 'l2'],
  write: [2 * SECTOR, new Uint8Array(SECTOR).fill(5), 'refcount-block'],
  sync: ['mode-switch'],
  truncate: [9 * SECTOR],
  punchHole: [3 * SECTOR, 2 * SECTOR],
  preallocate: [5 * SECTOR, 20 * SECTOR],
  extentAt: [SECTOR],
  close: [],
};

/** A wrapper passes each call on, once and as it is, and gives back what it is given, a failure included. */
export function wrapperSuite(name: string, wrap: (inner: BlockFile) => BlockFile): void {
  for (const method of Object.keys(CALLS) as Method[]) {
    const words = CALLS[method] as unknown[];
    /** What arrived at a file that answers `method` so. */
    const arriving = (answer: () => unknown): { got: unknown[][]; call: () => unknown } => {
      const got: unknown[][] = [];
      const called = (...passed: unknown[]) => {
        got.push(passed);
        return answer();
      };
      const inner = new MemoryFile('inner', new Uint8Array(64 * SECTOR));
      const wrapped = wrap(inner);
      Object.assign(inner, { [method]: called });
      return { got, call: () => Reflect.apply(wrapped[method], wrapped, words) };
    };

    test(`${name}: ${method} arrives below once, as it was called, and its answer comes back`, () => {
      for (const answer of ANSWERS[method]) {
        const { got, call } = arriving(() => answer);
        assert.deepEqual(call(), answer);
        // A wrapper may ask for the size on its own account.
        assert.deepEqual(method === 'sizeBytes' ? got.slice(-1) : got, [words]);
      }
    });

    test(`${name}: a ${method} that fails below fails above`, () => {
      const failure = new Qcow2Error('IO', `${method} fails`);
      const { call } = arriving(() => {
        throw failure;
      });
      assert.throws(call, (error) => error === failure);
    });
  }
}

const ANSWERS: { readonly [Name in Method]: readonly ReturnType<BlockFile[Name]>[] } = {
  sizeBytes: [7 * SECTOR],
  read: [undefined],
  write: [undefined],
  sync: [undefined],
  truncate: [undefined],
  punchHole: [true, false],
  preallocate: [true, false],
  extentAt: [null, { isHole: true, endOffset: 4096 }],
  close: [undefined],
};

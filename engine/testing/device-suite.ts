/** What every {@link GuestDevice} must do, as tests: run it for each implementation. Requests go through {@link perform}. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { GuestDevice } from '../disk/device.ts';
import { perform } from '../disk/perform.ts';
import type { BlockRequest } from '../disk/request.ts';
import type { BlockFile } from '../io/block-file.ts';
import { trackDurability } from '../io/durability.ts';
import { patternBytes } from './reference-disk.ts';

const SEED = 71105;
const NOTHING = new Uint8Array(0);

export interface DeviceUnderTest {
  /** Of a disk whose end is inside the last unit in which it keeps its bytes; a whole number of smaller ones. */
  readonly oddBytes: number;
  /** Makes the file of a new disk of `sizeBytes` that reads as zeros. */
  file(sizeBytes: number): BlockFile;
  /** The disk in `file`. */
  open(file: BlockFile): GuestDevice;
  /** The same content, open for reading only. */
  openReadOnly(file: BlockFile): GuestDevice;
}

export function deviceSuite(name: string, under: DeviceUnderTest): void {
  const { oddBytes } = under;
  for (const sizeBytes of [262_144, oddBytes]) {
    test(`${name}, ${sizeBytes} bytes: reads back what requests of any alignment wrote`, () => {
      fc.assert(
        fc.property(fc.array(request(sizeBytes), { maxLength: 40, size: 'max' }), (requests) => {
          const disk = under.open(under.file(sizeBytes));
          const plain = new Uint8Array(sizeBytes);
          for (const [index, one] of requests.entries()) serve(disk, plain, one, index + 1);
          assertSame(disk, plain);
          disk.close();
        }),
        { seed: SEED, numRuns: 60 },
      );
    });
  }

  for (const op of ['write', 'write-zeroes', 'discard'] as const) {
    test(`${name}: a durable ${op} would survive a power cut when it returns`, () => {
      // Punching follows the flush and is no part of the promise.
      const { image: file } = trackDurability(Object.assign(under.file(262_144), { punchHole: () => false }));
      const disk = under.open(file);
      disk.write(0, patternBytes(1, 131_072));
      assert.ok(file.durable < file.written, 'a plain write is not durable');
      const durable = { offset: 0, length: 131_072, durable: true };
      perform(
        disk,
        op === 'write-zeroes' ? { op, mayUnmap: true, ...durable } : { op, ...durable },
        patternBytes(2, 131_072),
      );
      assert.equal(file.durable, file.written);
    });
  }

  test(`${name}: a request past the end changes nothing and is OUT_OF_RANGE`, () => {
    const disk = under.open(under.file(oddBytes));
    const range = { offset: oddBytes - 1, length: 2 };
    for (const op of ['read', 'write', 'discard', 'write-zeroes'] as const) {
      const one = op === 'write-zeroes' ? { op, mayUnmap: false, ...range } : { op, ...range };
      assert.throws(() => perform(disk, one, new Uint8Array(2)), { code: 'OUT_OF_RANGE' }, op);
    }
    assert.throws(() => disk.map(oddBytes - 1, 2), { code: 'OUT_OF_RANGE' });
    assertSame(disk, new Uint8Array(oddBytes));
  });

  test(`${name}: an empty request at the end of the disk is done`, () => {
    const disk = under.open(under.file(oddBytes));
    const range = { offset: oddBytes, length: 0 };
    for (const op of ['read', 'write', 'discard'] as const) perform(disk, { op, ...range }, NOTHING);
    perform(disk, { op: 'write-zeroes', mayUnmap: true, ...range }, NOTHING);
  });

  test(`${name}: open for reading it refuses changes and flushes nothing, closed it refuses everything`, () => {
    const file = under.file(oddBytes);
    const disk = under.openReadOnly(file);
    assert.equal(disk.readOnly, true);
    assert.throws(() => disk.write(0, new Uint8Array(512)), { code: 'READ_ONLY' });
    assert.throws(() => disk.discard(0, 512), { code: 'READ_ONLY' });
    assert.throws(() => disk.writeZeroes(0, 512), { code: 'READ_ONLY' });
    // There is nothing that it could make durable.
    disk.flush();
    assertSame(disk, new Uint8Array(oddBytes));
    disk.close();
    disk.close();
    assert.throws(() => disk.read(0, new Uint8Array(1)), { code: 'CLOSED' });
    assert.throws(() => disk.map(0, 1), { code: 'CLOSED' });
    assert.throws(() => disk.flush(), { code: 'CLOSED' });
  });
}

function request(sizeBytes: number): fc.Arbitrary<BlockRequest> {
  const range = fc.tuple(fc.nat({ max: sizeBytes }), fc.nat({ max: 70_000 })).map(([offset, length]) => ({
    offset,
    length: Math.min(length, sizeBytes - offset),
  }));
  const aligned = fc.tuple(fc.nat({ max: 300 }), fc.nat({ max: 130 })).map(([sector, count]) => ({
    offset: sector * 512,
    length: Math.min(count * 512, sizeBytes - sector * 512),
  }));
  const place = fc.oneof(range, aligned);
  const durable = fc.boolean();
  return fc
    .oneof(
      fc.record({ op: fc.constant('write' as const), place, durable }),
      fc.record({ op: fc.constantFrom('read' as const, 'discard' as const), place, durable }),
      fc.record({ op: fc.constant('write-zeroes' as const), place, durable, mayUnmap: fc.boolean() }),
      fc.record({ op: fc.constant('flush' as const), place }),
    )
    .map(({ place: { offset, length }, ...rest }) => ({ offset, length, ...rest }) as BlockRequest);
}

function serve(disk: GuestDevice, plain: Uint8Array, request: BlockRequest, seed: number): void {
  if (request.op === 'discard') {
    const zeroed = disk.discard(request.offset, request.length);
    assert.ok(zeroed.lengthBytes === 0 || zeroed.offset >= request.offset);
    assert.ok(zeroed.lengthBytes === 0 || zeroed.offset + zeroed.lengthBytes <= request.offset + request.length);
    plain.fill(0, zeroed.offset, zeroed.offset + zeroed.lengthBytes);
    return;
  }
  const bytes =
    request.op === 'write' ? patternBytes(seed, request.length) : new Uint8Array(lengthOf(request)).fill(0xaa);
  perform(disk, request, bytes);
  if (request.op === 'write') plain.set(bytes, request.offset);
  if (request.op === 'write-zeroes') plain.fill(0, request.offset, request.offset + request.length);
  if (request.op === 'read')
    assert.ok(Buffer.from(bytes).equals(plain.subarray(request.offset, request.offset + request.length)));
}

function lengthOf(request: BlockRequest): number {
  return 'length' in request ? request.length : 0;
}

/** Content, and what the map says about it. */
function assertSame(disk: GuestDevice, plain: Uint8Array): void {
  const found = new Uint8Array(disk.sizeBytes).fill(0xaa);
  disk.read(0, found);
  assert.equal(found.length, plain.length);
  const at = found.findIndex((byte, index) => byte !== plain[index]);
  assert.equal(at, -1, `byte ${at} is ${found[at]}, not ${plain[at]}`);
  for (let offset = 0; offset < plain.length; ) {
    const { lengthBytes, stored } = disk.map(offset, plain.length - offset);
    assert.ok(lengthBytes > 0 && offset + lengthBytes <= plain.length);
    const readsAsZeros = stored === 'zero' || stored === 'absent';
    if (readsAsZeros) assert.ok(plain.subarray(offset, offset + lengthBytes).every((byte) => byte === 0));
    offset += lengthBytes;
  }
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MiB, Qcow2Error } from '../../engine/index.ts';
import type { GuestRequest } from '../../workloads/request.ts';
import { type PreparedRequest, slices } from './slices.ts';

async function* batches(...list: GuestRequest[][]): AsyncGenerator<GuestRequest[]> {
  yield* list;
}

const write = (offset: number, length: number): GuestRequest => ({ op: 'write', offset, length });

/** Fills each write with its serial number, so that data in the wrong place shows. */
const numbered = {
  apply: (_: GuestRequest, serial: number, into: Uint8Array) => void into.fill(serial),
};

async function sliced(diskSizeBytes: number, ...list: GuestRequest[][]): Promise<{ sizes: number[]; marks: string[] }> {
  const sizes: number[] = [];
  const marks: string[] = [];
  let next = 0;
  for await (const slice of slices(batches(...list), diskSizeBytes, numbered, 0, (text, at) =>
    marks.push(`${text}@${at}`),
  )) {
    sizes.push(slice.length);
    for (const prepared of slice) next = check(prepared, next);
  }
  return { sizes, marks };
}

/** A slice must hold all of its data at once: each request still has its own number in every byte. */
function check({ index, bytes, request }: PreparedRequest, expected: number): number {
  assert.equal(index, expected);
  assert.equal(bytes.length, 'length' in request && request.op === 'write' ? request.length : 0);
  assert.ok(bytes.every((byte) => byte === (index + 1) % 256));
  return expected + 1;
}

test('slices keep the order, are bounded in requests and bytes, and take marks out', async () => {
  const small = Array.from({ length: 600 }, (_, index) => write(index * 512, 512));
  assert.deepEqual((await sliced(MiB, small)).sizes, [256, 256, 88]);
  const large = [write(0, 3 * MiB), write(0, 3 * MiB), write(0, 32 * MiB), write(0, 512)];
  assert.deepEqual((await sliced(64 * MiB, large)).sizes, [1, 1, 1, 1]);
  const marked: GuestRequest[] = [{ op: 'mark', text: 'a' }, { op: 'flush' }, { op: 'mark', text: 'b' }];
  assert.deepEqual(await sliced(MiB, marked, [write(0, 512)]), { sizes: [2], marks: ['a@0', 'b@1'] });
});

test('a request past the end of the disk, or too long to hold, is refused by number before it is served', async () => {
  const refused = (code: string, pattern: RegExp) => (error: unknown) =>
    error instanceof Qcow2Error && error.code === code && pattern.test(error.message);
  await assert.rejects(
    sliced(MiB, [write(0, 512), write(MiB - 512, 1024)]),
    refused(
      'OUT_OF_RANGE',
      /^request 2 \(write of 1024 bytes at offset 1048064\) ends past the end of the disk, which has 1048576 bytes$/,
    ),
  );
  await assert.rejects(
    sliced(2 ** 40, [write(0, 2 ** 31)]),
    refused('UNSUPPORTED', /^request 1 \(write of 2147483648 bytes at offset 0\) is too long/),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  checkSnapshotL1,
  decodeSnapshotTable,
  encodeSnapshotTable,
  type SnapshotEntry,
  snapshotId,
  snapshotName,
} from './snapshot-table.ts';

const SEED = 22;

function readerOf(bytes: Uint8Array): (offset: number, into: Uint8Array) => void {
  return (offset, into) => {
    into.fill(0);
    into.set(bytes.subarray(offset, offset + into.length));
  };
}

function decode(bytes: Uint8Array, count: number): SnapshotEntry[] {
  return decodeSnapshotTable(count, bytes.length, readerOf(bytes), 'disk');
}

const nothing = new Uint8Array(0);
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const text = fc.uint8Array({ maxLength: 20 });
const size = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

const anyEntry: fc.Arbitrary<SnapshotEntry> = fc
  .record(
    {
      l1TableOffset: size,
      l1Entries: u32,
      idBytes: text,
      nameBytes: text,
      dateSeconds: u32,
      dateNanoseconds: u32,
      vmClockNs: u64,
      vmStateSizeBytes: fc.oneof(u32, size),
      virtualSizeBytes: fc.option(size),
      icount: fc.option(u64),
      unknownExtraData: text,
    },
    { noNullPrototype: true },
  )
  .map((entry) => {
    // Extra data is a prefix: a later field cannot be there without the earlier ones.
    if (entry.virtualSizeBytes === null) return { ...entry, icount: null, unknownExtraData: nothing };
    return entry.icount === null ? { ...entry, unknownExtraData: nothing } : entry;
  });

test('tables survive encoding and decoding, any bytes in names and unknown extra data included', () => {
  fc.assert(
    fc.property(fc.array(anyEntry, { maxLength: 5 }), (entries) => {
      const decoded = decode(encodeSnapshotTable(entries), entries.length);
      assert.deepEqual(decoded, entries);
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test('each field stands where the specification says', () => {
  fc.assert(
    fc.property(anyEntry, anyEntry, (first, entry) => {
      const bytes = encodeSnapshotTable([first, entry]);
      const start = Math.ceil(encodeSnapshotTable([first]).length / 8) * 8;
      const view = new DataView(bytes.buffer, start);
      assert.equal(view.getBigUint64(0), BigInt(entry.l1TableOffset));
      assert.equal(view.getUint32(8), entry.l1Entries);
      assert.equal(view.getUint16(12), entry.idBytes.length);
      assert.equal(view.getUint16(14), entry.nameBytes.length);
      assert.equal(view.getUint32(16), entry.dateSeconds);
      assert.equal(view.getUint32(20), entry.dateNanoseconds);
      assert.equal(view.getBigUint64(24), entry.vmClockNs);
      const fitsIn32 = entry.vmStateSizeBytes < 2 ** 32;
      assert.equal(view.getUint32(32), fitsIn32 ? entry.vmStateSizeBytes : 0);
      const extra = view.getUint32(36);
      if (!fitsIn32 || extra >= 8) assert.equal(view.getBigUint64(40), BigInt(entry.vmStateSizeBytes));
      if (entry.virtualSizeBytes !== null) assert.equal(view.getBigUint64(48), BigInt(entry.virtualSizeBytes));
      if (entry.icount !== null) assert.equal(view.getBigUint64(56), entry.icount);
      const end = start + 40 + extra + entry.idBytes.length;
      assert.deepEqual(bytes.subarray(start + 40 + extra, end), entry.idBytes);
      assert.deepEqual(bytes.subarray(end), entry.nameBytes);
    }),
    { seed: SEED, numRuns: 300 },
  );
});

const plain: SnapshotEntry = {
  l1TableOffset: 0x50000,
  l1Entries: 1,
  idBytes: new TextEncoder().encode('1'),
  nameBytes: new TextEncoder().encode('before'),
  dateSeconds: 1,
  dateNanoseconds: 2,
  vmClockNs: 3n,
  vmStateSizeBytes: 0,
  virtualSizeBytes: 1024,
  icount: null,
  unknownExtraData: nothing,
};

test('names are text for people, replaced where they are not UTF-8', () => {
  assert.equal(snapshotId(plain), '1');
  assert.equal(snapshotName(plain), 'before');
  assert.equal(snapshotName({ nameBytes: Uint8Array.of(0x61, 0xff, 0x62) }), 'a\ufffdb');
});

interface Malformed {
  readonly name: string;
  readonly change: (view: DataView) => void;
  readonly error: RegExp;
  readonly code: string;
}

const malformed: Malformed[] = [
  {
    name: 'extra data of 2^31 - 1 bytes',
    change: (view) => view.setUint32(36, 0x7fff_ffff),
    error: /^disk: too much extra metadata in snapshot table entry 0 \(2147483647 bytes\)$/,
    code: 'UNSUPPORTED',
  },
  {
    name: 'an id of 65535 bytes that ends past the file',
    change: (view) => view.setUint16(12, 65_535),
    error: /^disk: snapshot table entry 0 is past the end of the file$/,
    code: 'CORRUPT',
  },
  {
    name: 'a name of 65535 bytes that ends past the file',
    change: (view) => view.setUint16(14, 65_535),
    error: /^disk: snapshot table entry 0 is past the end of the file$/,
    code: 'CORRUPT',
  },
  {
    name: 'an L1 table offset above 2^53',
    change: (view) => view.setUint32(0, 0xffff_ffff),
    error: /^disk: snapshot table entry 0: L1 table offset 18446744069414912000 is above 2\^53 - 1$/,
    code: 'UNSUPPORTED',
  },
  {
    name: 'a virtual disk size above 2^53',
    change: (view) => view.setUint32(48, 0x8000_0000),
    error: /^disk: snapshot table entry 0: virtual disk size 9223372036854776832 is above 2\^53 - 1$/,
    code: 'UNSUPPORTED',
  },
];

for (const { name, change, error, code } of malformed) {
  test(`malformed snapshot table: ${name}`, () => {
    const bytes = encodeSnapshotTable([plain]);
    change(new DataView(bytes.buffer));
    assert.throws(() => decode(bytes, 1), { code, message: error });
  });
}

test('malformed snapshot table: more entries than the file holds', () => {
  assert.throws(() => decode(encodeSnapshotTable([plain]), 65_536), {
    code: 'CORRUPT',
    message: 'disk: snapshot table entry 1 is past the end of the file',
  });
});

test('malformed snapshot table: more than 64 MiB', () => {
  const big = encodeSnapshotTable([{ ...plain, nameBytes: new Uint8Array(65_535) }]);
  const entryBytes = Math.ceil(big.length / 8) * 8;
  const endless = (offset: number, into: Uint8Array) => readerOf(big)(offset % entryBytes, into);
  assert.throws(() => decodeSnapshotTable(65_536, 2 ** 40, endless, 'disk'), {
    code: 'UNSUPPORTED',
    message: 'disk: snapshot table too large (the limit is 64 MiB)',
  });
});

test('malformed snapshot L1 tables', () => {
  const check = (change: Partial<SnapshotEntry>) => () => checkSnapshotL1({ ...plain, ...change }, 4, 16, 'disk');
  check({})();
  check({ l1TableOffset: 0, l1Entries: 0 })();
  const offsetError = { code: 'CORRUPT', message: 'disk: snapshot table entry 4: L1 table offset 328192 invalid' };
  assert.throws(check({ l1TableOffset: 0x50200 }), offsetError);
  assert.throws(check({ l1TableOffset: 0 }), { code: 'CORRUPT', message: /L1 table offset 0 invalid/ });
  assert.throws(check({ l1Entries: 0xffff_ffff }), {
    code: 'UNSUPPORTED',
    message: 'disk: snapshot table entry 4: L1 table too large (4294967295 entries; the limit is 32 MiB)',
  });
});

test('entries that cannot be written are refused', () => {
  const tooLong = new Uint8Array(65_536);
  assert.throws(() => encodeSnapshotTable([{ ...plain, nameBytes: tooLong }]), {
    code: 'INVALID_ARGUMENT',
    message: 'snapshot name too long (65536 bytes; the limit is 65535)',
  });
  const extra = { ...plain, icount: 0n, unknownExtraData: new Uint8Array(1001) };
  assert.throws(() => encodeSnapshotTable([extra]), {
    code: 'INVALID_ARGUMENT',
    message: /extra data too long \(1025/,
  });
  const many = Array.from({ length: 1100 }, () => ({ ...plain, nameBytes: new Uint8Array(65_000) }));
  assert.throws(() => encodeSnapshotTable(many), { code: 'INVALID_ARGUMENT', message: /snapshot table too large/ });
});

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { batched } from './batches.ts';
import { TraceError } from './errors.ts';
import { readIolog } from './iolog.ts';
import { IologChanges } from './iolog-changes.ts';
import { iologText, writeIolog } from './iolog-writer.ts';
import type { GuestRequest } from './request.ts';
import { SEED, timedRequests, untimed } from './testing/arbitrary.ts';
import { collect, fileWith, inTemporaryFolder } from './testing/temporary.ts';
import { MAX_LINE_BYTES } from './trace-file.ts';

const V3 = 'fio version 3 iolog\n';
const V2 = 'fio version 2 iolog\n';

async function textOf(requests: GuestRequest[], version: 2 | 3): Promise<string> {
  let text = '';
  for await (const piece of iologText(batched(requests), { version })) text += piece;
  return text;
}

test('every action of v3 becomes the request that it stands for', () =>
  inTemporaryFolder(async (folder) => {
    const lines = ['0 d add', '1 d open', '2 d read 0 512', '3 d write 512 1024', '4 d sync 0 0', '5 d datasync 0 0'];
    const path = fileWith(
      folder,
      'a',
      `${V3}${[...lines, '6 d trim 4096 8192', '7 d wait 9 0', '8 d close'].join('\n')}\n`,
    );
    assert.deepEqual(await collect(readIolog(path)), [
      { op: 'read', offset: 0, length: 512, atUs: 2 },
      { op: 'write', offset: 512, length: 1024, atUs: 3 },
      { op: 'flush', atUs: 4 },
      { op: 'flush', atUs: 5 },
      { op: 'discard', offset: 4096, length: 8192, atUs: 6 },
    ]);
  }));

test('v2 has no times but those of its waits, which add up', () =>
  inTemporaryFolder(async (folder) => {
    const lines = ['d add', 'd read 0 512', 'd wait 100 0', 'd datasync 0 0', 'd wait 50 0', 'd trim 0 512', 'd close'];
    const path = fileWith(folder, 'a', V2 + lines.join('\r\n'));
    assert.deepEqual(await collect(readIolog(path)), [
      { op: 'read', offset: 0, length: 512 },
      { op: 'flush', atUs: 100 },
      { op: 'discard', offset: 0, length: 512, atUs: 150 },
    ]);
  }));

test('sync_file_range is left out and syncfs is a flush, and both are counted', () =>
  inTemporaryFolder(async (folder) => {
    const lines = ['0 d write 0 512', '1 d sync_file_range 0 512', '2 d syncfs 0 0', '3 d sync_file_range 0 512'];
    const path = fileWith(folder, 'a', `${V3}${lines.join('\n')}\n`);
    const changes = new IologChanges();
    assert.deepEqual(await collect(readIolog(path, { changes })), [
      { op: 'write', offset: 0, length: 512, atUs: 0 },
      { op: 'flush', atUs: 2 },
    ]);
    assert.deepEqual(changes.sentences(), [
      '2 lines of the trace with sync_file_range: left out, because it asks no disk to make anything durable',
      '1 line of the trace with syncfs: replayed as flushes',
    ]);
  }));

test('what is not on 512 bytes: reads and writes touch whole sectors, a trim drops only whole ones', () =>
  inTemporaryFolder(async (folder) => {
    const lines = [
      'd write 100 512',
      'd write 0 100',
      'd read 1 1023',
      'd trim 100 1500',
      'd trim 600 100',
      'd trim 0 512',
    ];
    const path = fileWith(folder, 'a', `${V2}${lines.join('\n')}\n`);
    const changes = new IologChanges();
    assert.deepEqual(await collect(readIolog(path, { changes })), [
      { op: 'write', offset: 0, length: 1024 },
      { op: 'write', offset: 0, length: 512 },
      { op: 'read', offset: 0, length: 1024 },
      { op: 'discard', offset: 512, length: 1024 },
      { op: 'discard', offset: 0, length: 512 },
    ]);
    assert.deepEqual(changes.sentences(), [
      '3 lines of the trace not on 512 bytes: replayed as the whole sectors that they touch',
      '1 line of the trace trim parts of sectors: only the whole sectors inside are discarded',
      '1 line of the trace trim less than a sector: left out',
    ]);
  }));

test('a wait of v2 delays every file, and what precedes the first one can be given time 0', () =>
  inTemporaryFolder(async (folder) => {
    const path = fileWith(folder, 'a', `${V2}a read 0 512\nb wait 100\na read 0 512\n`);
    const times = (await collect(readIolog(path, { file: 'a', startUs: 0 }))).map((r) => 'atUs' in r && r.atUs);
    assert.deepEqual(times, [0, 100]);
  }));

test('what is written as v3 is read back, plain, gzip and zstd', () =>
  inTemporaryFolder((folder) =>
    fc.assert(
      fc.asyncProperty(timedRequests(), async (requests) => {
        const text = await textOf(requests, 3);
        for (const content of [text, gzipSync(text), zstdCompressSync(text)]) {
          assert.deepEqual(await collect(readIolog(fileWith(folder, 'trace', content))), requests);
        }
      }),
      { seed: SEED, numRuns: 60 },
    ),
  ));

test('what is written as v2 is read back without its times', () =>
  inTemporaryFolder((folder) =>
    fc.assert(
      fc.asyncProperty(timedRequests(), async (requests) => {
        const path = fileWith(folder, 'trace', await textOf(requests, 2));
        assert.deepEqual(await collect(readIolog(path)), requests.map(untimed));
      }),
      { seed: SEED, numRuns: 60 },
    ),
  ));

test('a long trace comes in batches, and reading may end early', () =>
  inTemporaryFolder(async (folder) => {
    const requests = Array.from({ length: 5000 }, (_, index) => ({
      op: 'write' as const,
      offset: index * 512,
      length: 512,
    }));
    const path = join(folder, 'long');
    await writeIolog(batched(requests), path);
    const sizes: number[] = [];
    for await (const batch of readIolog(path)) sizes.push(batch.length);
    assert.deepEqual(sizes, [1024, 1024, 1024, 1024, 904]);
    for await (const batch of readIolog(path)) {
      assert.equal(batch.length, 1024);
      break;
    }
  }));

test('marks stand before the line that they name', () =>
  inTemporaryFolder(async (folder) => {
    const path = fileWith(folder, 'a', `${V3}0 d read 0 512\n1 d datasync 0 0\n2 d read 512 512\n`);
    const marks = [
      { line: 2, text: 'first' },
      { line: 4, text: 'second' },
    ];
    const ops = (await collect(readIolog(path, { marks }))).map((r) => (r.op === 'mark' ? r.text : r.op));
    assert.deepEqual(ops, ['first', 'read', 'flush', 'second', 'read']);
  }));

test('of a trace with two files the named one is replayed', () =>
  inTemporaryFolder(async (folder) => {
    const path = fileWith(folder, 'a', `${V3}0 a add\n0 b add\n1 a read 0 512\n2 b write 512 512\n`);
    assert.deepEqual(await collect(readIolog(path, { file: 'b' })), [
      { op: 'write', offset: 512, length: 512, atUs: 2 },
    ]);
  }));

const OVERLONG = 'x'.repeat(MAX_LINE_BYTES + 1);

/** [what, content of the file, the message after the file's name]. */
const MALFORMED: readonly (readonly [string, string, RegExp])[] = [
  ['empty file', '', /^: empty file/],
  ['no header', '0 d read 0 512\n', /^:1: no header of a fio iolog/],
  ['old version', 'fio version 1 iolog\n', /^:1: no header/],
  ['binary file', '\x07\x00\x1b[31m\xff', /^:1: no header .*\\u0007\\u0000\\u001b/],
  ['unknown action', `${V3}0 d add\n1 d wrote 0 512\n`, /^:3: unknown action "wrote"$/],
  ['escape sequence as action', `${V2}d \x1b[31m\n`, /^:2: unknown action "\\u001b\[31m"$/],
  ['only a timestamp', `${V3}5\n`, /^:2: no action in "5"$/],
  ['no timestamp', `${V3}d read 0 512\n`, /^:2: timestamp "d" is not a whole number$/],
  ['negative timestamp', `${V3}-5 d read 0 512\n`, /^:2: timestamp -5 is negative$/],
  ['no length', `${V3}0 d read 0\n`, /^:2: read without offset and length$/],
  ['negative offset', `${V3}0 d write -512 512\n`, /^:2: offset -512 is negative$/],
  ['fraction', `${V3}0 d write 0.5 512\n`, /^:2: offset "0.5" is not a whole number$/],
  ['hexadecimal', `${V3}0 d write 0x200 512\n`, /^:2: offset "0x200" is not a whole number$/],
  [
    'waits that no clock counts',
    `${V2}d wait 9007199254740000\nd wait 992\n`,
    /^:3: the waits up to here are longer than/,
  ],
  ['no length at all', `${V3}0 d write 0 0\n`, /^:2: length is 0$/],
  ['offset above 2^53', `${V3}0 d write 9007199254740992 512\n`, /^:2: offset "9007199254740992" is above 2\^53$/],
  ['end above 2^53', `${V3}0 d trim 9007199254740480 512\n`, /^:2: offset 9007199254740480 is above 2\^53$/],
  ['giant read', `${V3}0 d read 0 1099511627776\n`, /^:2: length 1099511627776 is above 268435456/],
  [
    'past the end',
    `${V3}0 d read 1048064 1024\n`,
    /^:2: read of 1024 bytes at 1048064 ends past the disk of 1048576 bytes$/,
  ],
  ['trim past the end', `${V3}0 d trim 0 2097152\n`, /^:2: discard of 2097152 bytes at 0 ends past the disk/],
  ['surplus words', `${V3}0 d read 0 512 7\n`, /^:2: surplus words after the length: "7"$/],
  [
    'two files',
    `${V3}0 a add\n0 b read 0 512\n`,
    /^:3: two files, "a" and "b"; --file NAME picks one, --files all replays all$/,
  ],
  ['overlong line', `${V3}0 d add\n${OVERLONG}\n`, /^:3: line is longer than 4096 bytes$/],
  ['overlong line without end', V3 + OVERLONG.repeat(300), /^:2: line is longer than 4096 bytes$/],
];

for (const [what, content, message] of MALFORMED) {
  test(`malformed trace: ${what}`, () =>
    inTemporaryFolder(async (folder) => {
      const path = fileWith(folder, 'bad', Buffer.from(content, 'latin1'));
      await rejectsWith(path, message);
    }));
}

async function rejectsWith(path: string, message: RegExp): Promise<void> {
  await assert.rejects(collect(readIolog(path, { diskSizeBytes: 1024 * 1024 })), (error) => {
    assert.ok(error instanceof TraceError, String(error));
    assert.equal(error.message.includes('\n'), false);
    assert.equal(error.message.startsWith(path), true);
    assert.match(error.message.slice(path.length), message);
    return true;
  });
}

test('a truncated or damaged compressed trace is an error that says so', () =>
  inTemporaryFolder(async (folder) => {
    // Offsets without a pattern, so that the compressed trace is long enough to be cut in the middle.
    const lines = Array.from({ length: 4000 }, (_, i) => `${i * 37} d read ${((i * 7919) % 2048) * 512} 512\n`);
    const text = V3 + lines.join('');
    for (const [name, compressed] of [
      ['gzip', gzipSync(text)],
      ['zstd', zstdCompressSync(text)],
    ] as const) {
      for (const length of [20, compressed.length >> 1, compressed.length - 1]) {
        const path = fileWith(folder, name, compressed.subarray(0, length));
        await rejectsWith(path, /^(:\d+)?: compressed file is truncated$/);
      }
    }
    const damaged = gzipSync(text);
    damaged.fill(0xff, 100, 200);
    await rejectsWith(fileWith(folder, 'damaged', damaged), /^(:\d+)?: compressed file is damaged/);
  }));

test('a path that is no readable file is an error', () =>
  inTemporaryFolder(async (folder) => {
    await rejectsWith(join(folder, 'missing'), /^: no such file$/);
    mkdirSync(join(folder, 'directory'));
    await rejectsWith(join(folder, 'directory'), /^: not a regular file$/);
  }));

test('random bytes behind a header end in requests or in a TraceError, never in anything else', () =>
  inTemporaryFolder((folder) =>
    fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), fc.constantFrom(V2, V3), async (junk, header) => {
        const path = fileWith(folder, 'junk', header + junk);
        await collect(readIolog(path)).catch((error: unknown) => assert.ok(error instanceof TraceError, String(error)));
      }),
      { seed: SEED, numRuns: 200 },
    ),
  ));

/** Conversations with a session: what a client may say, what it gets, and what a hostile one gets. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type NbdExport, SESSION_LIMITS } from './export.ts';
import { COMMAND_FLAGS, ERRNO, INFOS, OPTIONS, TRANSMISSION_FLAGS } from './protocol.ts';
import { NbdSession, type SessionEvent, type SessionOptions } from './session.ts';
import {
  clientFlags,
  concat,
  contextOption,
  encodeRequest,
  infoOption,
  option,
  readOptionReplies,
  readReplies,
  request,
} from './testing/client-bytes.ts';
import type { NbdRequest, NbdWork } from './transmission.ts';

const DISK: NbdExport = {
  ...{ name: 'disk', description: 'a disk', sizeBytes: 1_048_576, readOnly: false },
  ...{ minimumBlockBytes: 1, preferredBlockBytes: 4096 },
};
const FROZEN: NbdExport = { ...DISK, name: 'frozen', description: '', readOnly: true };
const EXPORTS = [DISK, FROZEN];

/** Everything that a session does with `bytes`, the greeting left out. */
function talk(bytes: Uint8Array, options: Partial<SessionOptions> = {}) {
  const session = new NbdSession({ exports: EXPORTS, ...options });
  session.receive(bytes);
  const events: SessionEvent[] = [];
  for (let event = session.next(); event !== null; event = session.next()) events.push(event);
  assert.equal(events[0]!.kind, 'send');
  const sent = concat(...events.slice(1).flatMap((event) => (event.kind === 'send' ? event.bytes : [])));
  const requests = events.flatMap((event) => (event.kind === 'request' ? [event.request] : []));
  const end = events.flatMap((event) => (event.kind === 'end' ? [event.reason] : []))[0];
  return { session, events, sent, requests, end };
}

const STRUCTURED = option(OPTIONS.structuredReply);
const CONTEXT = contextOption('setMetaContext', 'disk', ['base:allocation']);

/** A session in the transmission phase with everything agreed on, which then gets `bytes`. */
function transmit(bytes: Uint8Array, options: Partial<SessionOptions> & { name?: string; simple?: boolean } = {}) {
  const { name = 'disk', simple = false, ...rest } = options;
  const agreed = simple ? [] : [STRUCTURED, CONTEXT];
  const opening = concat(clientFlags(), ...agreed, infoOption('go', name));
  const before = talk(opening).sent.length;
  const result = talk(concat(opening, bytes), rest);
  return { ...result, sent: result.sent.subarray(before) };
}

function names(sent: Uint8Array): string[] {
  return readOptionReplies(sent).map(({ reply }) => reply);
}

describe('the handshake', () => {
  test('greets, lists, informs and goes', () => {
    const { sent, events } = talk(
      concat(
        clientFlags(),
        option(OPTIONS.list),
        infoOption('info', '', [INFOS.name, INFOS.description, INFOS.blockSize, 99]),
        infoOption('go', 'frozen'),
      ),
    );
    const replies = readOptionReplies(sent);
    assert.deepEqual(
      replies.map(({ reply }) => reply),
      ['server', 'server', 'ack', 'info', 'info', 'info', 'info', 'ack', 'info', 'info', 'ack'],
    );
    assert.equal(Buffer.from(replies[0]!.data.subarray(4)).toString(), 'diska disk');
    assert.equal(Buffer.from(replies[5]!.data.subarray(2)).toString(), 'disk', 'the empty name is the first export');
    assert.deepEqual([...replies[4]!.data], [0, 3, 0, 0, 0, 1, 0, 0, 16, 0, 2, 0, 0, 0]);
    const flags = new DataView(replies[8]!.data.slice().buffer).getUint16(10);
    assert.ok((flags & TRANSMISSION_FLAGS.readOnly) > 0 && (flags & TRANSMISSION_FLAGS.sendTrim) === 0);
    const chosen = events.at(-1)!;
    assert.ok(chosen.kind === 'chosen' && chosen.terms.export === FROZEN && !chosen.terms.structuredReplies);
  });

  test('an export name alone is enough, padded for clients of old', () => {
    const name = option(OPTIONS.exportName, new TextEncoder().encode('disk'));
    assert.equal(talk(concat(clientFlags(1), name)).sent.length, 134);
    assert.equal(talk(concat(clientFlags(3), name)).sent.length, 10);
    assert.equal(talk(concat(clientFlags(), option(OPTIONS.exportName, Uint8Array.of(0xff)))).end, 'an unknown export');
    const path = option(OPTIONS.exportName, new TextEncoder().encode('../disk'));
    assert.equal(talk(concat(clientFlags(), path)).end, 'an unknown export');
  });

  test('block status is for clients that take structured replies, and for the export that it was asked for', () => {
    assert.deepEqual(names(talk(concat(clientFlags(), CONTEXT)).sent), ['invalid']);
    const list = (queries: string[]) => contextOption('listMetaContext', 'disk', queries);
    assert.deepEqual(names(talk(concat(clientFlags(), STRUCTURED, list([]))).sent), ['ack', 'metaContext', 'ack']);
    assert.deepEqual(names(talk(concat(clientFlags(), STRUCTURED, list(['base:']))).sent).length, 3);
    assert.deepEqual(names(talk(concat(clientFlags(), STRUCTURED, list(['x:y']))).sent), ['ack', 'ack']);
    const other = talk(concat(clientFlags(), STRUCTURED, CONTEXT, infoOption('go', 'frozen'))).events.at(-1)!;
    assert.ok(other.kind === 'chosen' && !other.terms.blockStatus);
    const again = contextOption('setMetaContext', 'disk', ['x:y']);
    const none = talk(concat(clientFlags(), STRUCTURED, CONTEXT, again, infoOption('go', 'disk'))).events.at(-1)!;
    assert.ok(none.kind === 'chosen' && !none.terms.blockStatus, 'the last choice counts');
  });

  test('what is malformed, unknown or too long is refused, and the negotiation goes on', () => {
    const bad: readonly [Uint8Array, string][] = [
      [option(77), 'unsupported'],
      [option(OPTIONS.startTls), 'unsupported'],
      [option(OPTIONS.list, new Uint8Array(1)), 'invalid'],
      [option(OPTIONS.structuredReply, new Uint8Array(1)), 'invalid'],
      [option(OPTIONS.go), 'invalid'],
      [option(OPTIONS.go, Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0)), 'invalid'],
      [option(OPTIONS.go, Uint8Array.of(0, 0, 0, 0, 0, 9)), 'invalid'],
      [option(OPTIONS.info, Uint8Array.of(0, 0, 0, 1, 0xff, 0, 0)), 'invalid'],
      [infoOption('go', 'no such'), 'unknown'],
      [infoOption('go', 'x'.repeat(4097)), 'invalid'],
      [option(OPTIONS.go, new Uint8Array(100_000)), 'tooBig'],
    ];
    for (const [bytes, reply] of bad) {
      const { sent, end, session } = talk(concat(clientFlags(), bytes, infoOption('go', 'disk')));
      assert.deepEqual(names(sent), [reply, 'info', 'info', 'ack']);
      assert.equal(end, undefined);
      assert.ok(session.isTransmitting);
    }
    const manyQueries = option(OPTIONS.setMetaContext, Uint8Array.of(0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff));
    assert.deepEqual(names(talk(concat(clientFlags(), STRUCTURED, manyQueries)).sent), ['ack', 'invalid']);
  });

  test('what leaves no agreement ends it', () => {
    const huge = option(OPTIONS.go);
    new DataView(huge.buffer).setUint32(12, 2 ** 31);
    const bad: readonly Uint8Array[] = [
      clientFlags(4),
      concat(clientFlags(), new Uint8Array(16).fill(1)),
      concat(clientFlags(), huge),
      concat(clientFlags(), option(OPTIONS.exportName, new Uint8Array(100_000))),
      concat(clientFlags(), ...Array.from({ length: SESSION_LIMITS.options + 1 }, () => option(77))),
    ];
    for (const bytes of bad) {
      const { end, session } = talk(bytes);
      assert.notEqual(end, undefined);
      session.receive(concat(clientFlags(), infoOption('go', 'disk')));
      assert.equal(session.next(), null, 'nothing is read after the end');
    }
    assert.equal(talk(concat(clientFlags(), option(OPTIONS.abort))).end, 'the client left');
  });
});

describe('requests', () => {
  test('each command becomes a request on the disk', () => {
    const { fua, noHole, fastZero, reqOne, df } = COMMAND_FLAGS;
    const range = { offset: 512, length: 1024 };
    const bytes: readonly [Uint8Array, NbdWork][] = [
      [request('read', 512, 1024, df), { op: 'read', ...range }],
      [concat(request('write', 512, 1024), new Uint8Array(1024)), { op: 'write', ...range, durable: false }],
      [concat(request('write', 512, 1024, fua), new Uint8Array(1024)), { op: 'write', ...range, durable: true }],
      [request('flush'), { op: 'flush' }],
      [request('trim', 512, 1024, fua), { op: 'discard', ...range, durable: true }],
      [
        request('writeZeroes', 512, 1024, noHole + fastZero),
        { op: 'write-zeroes', ...range, durable: false, mayUnmap: false, fast: true },
      ],
      [
        request('writeZeroes', 512, 1024),
        { op: 'write-zeroes', ...range, durable: false, mayUnmap: true, fast: false },
      ],
      [request('cache', 512, 1024), { op: 'cache', ...range }],
      [request('blockStatus', 512, 1024, reqOne), { op: 'block-status', ...range, extentsMax: 1 }],
      [request('blockStatus', 512, 1024), { op: 'block-status', ...range, extentsMax: 1024 }],
    ];
    const { requests } = transmit(concat(...bytes.map(([sent]) => sent)));
    assert.deepEqual(
      requests.map(({ work }) => work),
      bytes.map(([, work]) => work),
    );
    assert.ok(
      requests.every(
        ({ cookie, payload, work }) => cookie === 7n && payload.length === (work.op === 'write' ? 1024 : 0),
      ),
    );
  });

  const impossible: readonly [string, Uint8Array, keyof typeof ERRNO, string?][] = [
    ['a read past the end', request('read', 1_048_575, 2), 'EINVAL'],
    ['an offset that overflows 64 bits', request('read', 2n ** 64n - 1n, 2), 'EINVAL'],
    ['an offset past 2^53', request('trim', 2n ** 60n, 512), 'EINVAL'],
    ['a write past the end', concat(request('write', 1_048_576, 512), new Uint8Array(512)), 'ENOSPC'],
    ['zeros past the end', request('writeZeroes', 1_048_576, 1), 'ENOSPC'],
    ['block status of nothing', request('blockStatus', 0, 0), 'EINVAL'],
    ['an unknown command', encodeRequest({ command: 99, flags: 0, cookie: 7n, offset: 0n, length: 5 }), 'EINVAL'],
    ['an unknown flag', request('read', 0, 512, 0x8000), 'EINVAL'],
    ['a flag of another command', request('trim', 0, 512, COMMAND_FLAGS.noHole), 'EINVAL'],
    ['a write to a read-only export', concat(request('write', 0, 512), new Uint8Array(512)), 'EPERM', 'frozen'],
    ['a trim of a read-only export', request('trim', 0, 512), 'EPERM', 'frozen'],
    ['block status of an export that it was not asked for', request('blockStatus', 0, 512), 'EINVAL', 'frozen'],
  ];
  for (const [what, bytes, errno, name = 'disk'] of impossible) {
    test(`${what} is refused, and the next request is served`, () => {
      for (const simple of [false, true]) {
        const { requests, sent, end } = transmit(concat(bytes, request('read', 0, 512)), { name, simple });
        assert.equal(end, undefined);
        assert.deepEqual(
          readReplies(sent).map((reply) => [reply.cookie, reply.errno]),
          [[7n, ERRNO[errno]]],
        );
        assert.deepEqual(
          requests.map(({ work }) => work.op),
          ['read'],
        );
      }
    });
  }

  test('a read longer than advertised is refused; such a write ends the connection before its payload is taken', () => {
    const exports = [{ ...DISK, sizeBytes: 2 ** 40 }];
    const { sent } = transmit(request('read', 0, 2 ** 25 + 1), { exports });
    assert.equal(readReplies(sent)[0]!.errno, ERRNO.EOVERFLOW);
    assert.equal(transmit(request('write', 0, 2 ** 32 - 1), { exports }).end, 'a write of 4294967295 bytes');
  });

  test('a minimum block size holds for both ends, but for the end of the disk', () => {
    const exports = [{ ...DISK, sizeBytes: 1_048_000, minimumBlockBytes: 512 }];
    const requests = concat(request('read', 1, 512), request('read', 0, 100), request('read', 1_047_552, 448));
    const { sent, requests: served } = transmit(requests, { exports });
    assert.deepEqual(
      readReplies(sent).map(({ errno }) => errno),
      [ERRNO.EINVAL, ERRNO.EINVAL],
    );
    assert.equal(served.length, 1);
  });

  test('what is no request ends the connection, and so does the client', () => {
    assert.equal(transmit(new Uint8Array(28)).end, 'no request where one was expected');
    assert.equal(transmit(request('disconnect')).end, 'the client left');
  });

  test('what works much costs more than the memory that it holds', () => {
    const exports = [{ ...DISK, sizeBytes: 2 ** 40 }];
    const costs = (bytes: Uint8Array) => transmit(bytes, { exports }).requests.map(({ costBytes }) => costBytes);
    const asked = [
      request('flush'),
      request('trim', 0, 2 ** 31),
      request('cache', 0, 2 ** 31),
      request('writeZeroes', 0, 512),
    ];
    assert.deepEqual(costs(concat(...asked)), [512, 512 + 2 ** 23, 512 + 2 ** 25, 514]);
  });

  test('a request waits, without memory for its payload, until it is admitted', () => {
    let room = 1000;
    const admit = (cost: number) => {
      if (cost > room) return false;
      room -= cost;
      return true;
    };
    const { session, requests } = transmit(concat(request('write', 0, 512), new Uint8Array(512)), { admit });
    assert.equal(requests.length, 0);
    assert.equal(session.unusedBytes, 512, 'the payload is not taken yet');
    room = 2000;
    const event = session.next()!;
    assert.ok(event.kind === 'request' && event.request.costBytes === 1024);
    assert.equal(room, 976);
  });
});

describe('replies', () => {
  const read: NbdRequest = {
    cookie: 9n,
    work: { op: 'read', offset: 512, length: 4 },
    payload: new Uint8Array(0),
    costBytes: 0,
  };
  const flush: NbdRequest = { ...read, work: { op: 'flush' } };
  const content = Uint8Array.of(1, 2, 3, 4);

  test('of a client that takes structured ones', () => {
    const { session } = transmit(new Uint8Array(0));
    const bytes = (of: NbdRequest, outcome: Parameters<NbdSession['reply']>[1]) =>
      readReplies(concat(...session.reply(of, outcome)));
    assert.deepEqual(bytes(read, { bytes: content }), [{ cookie: 9n, errno: 0, body: content }]);
    assert.deepEqual(bytes(flush, {}), [{ cookie: 9n, errno: 0, body: new Uint8Array(0) }]);
    const status = { ...read, work: { op: 'block-status', offset: 0, length: 9, extentsMax: 2 } as const };
    const extents = [
      { lengthBytes: 4, flags: 3 },
      { lengthBytes: 5, flags: 0 },
    ];
    assert.deepEqual(
      [...bytes(status, { extents })[0]!.body],
      [0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0, 0],
    );
    const failed = bytes(read, { errno: 'EIO', message: 'x'.repeat(10_000) })[0]!;
    assert.equal(failed.errno, ERRNO.EIO);
    assert.equal(failed.body.length, 4096);
  });

  test('of one that does not', () => {
    const { session } = transmit(new Uint8Array(0), { simple: true });
    assert.deepEqual(readReplies(concat(...session.reply(read, { bytes: content })), 4), [
      { cookie: 9n, errno: 0, body: content },
    ]);
    assert.deepEqual(session.reply(flush, { errno: 'ENOSPC', message: 'full' })[0]!.length, 16);
  });

  test('a read that came back short is an error, never a success', () => {
    for (const simple of [false, true]) {
      const { session } = transmit(new Uint8Array(0), { simple });
      const [reply] = readReplies(concat(...session.reply(read, { bytes: content.subarray(1) })));
      assert.equal(reply!.errno, ERRNO.EIO);
    }
  });
});

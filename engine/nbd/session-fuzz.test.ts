/**
 * Sessions against clients that say anything: conversations that are valid, then damaged in every place, and bytes without any sense.
 * Whatever comes, the session does not throw, sends nothing malformed, asks nothing impossible of the disk, and stops after the end.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { NbdExport } from './export.ts';
import { COMMANDS, OPTIONS } from './protocol.ts';
import { NbdSession, type SessionEvent } from './session.ts';
import {
  clientFlags,
  concat,
  contextOption,
  encodeRequest,
  infoOption,
  option,
  readOptionReplies,
  readReplies,
} from './testing/client-bytes.ts';

const SEED = 40_211;
const CONVERSATIONS = 3000;
const SIZE_BYTES = 1_048_576;
const DISK: NbdExport = {
  ...{ name: 'disk', description: '', sizeBytes: SIZE_BYTES, readOnly: false },
  ...{ minimumBlockBytes: 1, preferredBlockBytes: 4096 },
};

const someBytes = fc.uint8Array({ maxLength: 40 });
const someName = fc.constantFrom('', 'disk', 'other', 'x'.repeat(4097));
const anOption: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.tuple(fc.constantFrom(...Object.values(OPTIONS), 99), someBytes).map(([number, data]) => option(number, data)),
  fc.constant(option(OPTIONS.structuredReply)),
  fc.constant(contextOption('setMetaContext', 'disk', ['base:allocation'])),
  fc
    .tuple(fc.constantFrom('info' as const, 'go' as const), someName)
    .map(([kind, name]) => infoOption(kind, name, [3])),
  someName.map((name) => contextOption('listMetaContext', name, ['base:', 'x'])),
);
const anOffset = fc.oneof(
  fc.nat({ max: SIZE_BYTES }).map(BigInt),
  fc.constantFrom(0n, BigInt(SIZE_BYTES), 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
);
const aLength = fc.oneof(fc.nat({ max: 3000 }), fc.constantFrom(0, SIZE_BYTES, 2 ** 25 + 1, 2 ** 31, 2 ** 32 - 1));
const aRequest: fc.Arbitrary<Uint8Array> = fc
  .record({
    command: fc.constantFrom(...Object.values(COMMANDS), 8, 0xffff),
    flags: fc.constantFrom(0, 1, 2, 4, 8, 16, 0x8000),
    cookie: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    offset: anOffset,
    length: aLength,
  })
  .map((header) => concat(encodeRequest(header), payloadOf(header.command, header.length)));

/** A write brings its bytes, unless they would be too many for a test. */
function payloadOf(command: number, length: number): Uint8Array {
  return new Uint8Array(command === COMMANDS.write && length <= 3000 ? length : 0);
}

const opening = concat(clientFlags(), option(OPTIONS.structuredReply), infoOption('go', 'disk'));
const aConversation = fc.oneof(
  { weight: 2, arbitrary: fc.array(anOption, { maxLength: 8 }).map((parts) => concat(clientFlags(), ...parts)) },
  { weight: 4, arbitrary: fc.array(aRequest, { maxLength: 12 }).map((parts) => concat(opening, ...parts)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.boolean(), fc.uint8Array({ maxLength: 200 }))
      .map(([late, bytes]) => (late ? concat(opening, bytes) : bytes)),
  },
);

interface Damage {
  readonly kind: 'set' | 'insert' | 'cut' | 'drop';
  readonly at: number;
  readonly byte: number;
}
const aDamage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom('set' as const, 'insert' as const, 'cut' as const, 'drop' as const),
  at: fc.nat(),
  byte: fc.nat({ max: 255 }),
});

function damaged(bytes: Uint8Array, damages: readonly Damage[]): Uint8Array {
  let result = bytes;
  for (const damage of damages) {
    const at = damage.at % (result.length + 1);
    const [head, tail] = [result.subarray(0, at), result.subarray(at)];
    if (damage.kind === 'cut') result = head;
    else if (damage.kind === 'drop') result = concat(head, tail.subarray(1));
    else if (damage.kind === 'insert') result = concat(head, Uint8Array.of(damage.byte), tail);
    else result = concat(head, Uint8Array.of(damage.byte), tail.subarray(1));
  }
  return result;
}

function bytesOf({ sent }: Conversation): Uint8Array {
  return concat(...sent.handshake, ...sent.transmission);
}

interface Conversation {
  readonly events: SessionEvent[];
  readonly sent: { readonly handshake: Uint8Array[]; readonly transmission: Uint8Array[] };
}

/** What the session does when `bytes` come in pieces of `pieceBytes`; every request is answered at once. */
function converse(bytes: Uint8Array, pieceBytes: number): Conversation {
  const session = new NbdSession({ exports: [DISK] });
  const events: SessionEvent[] = [];
  const sent = { handshake: [] as Uint8Array[], transmission: [] as Uint8Array[] };
  let phase = sent.handshake;
  const drain = () => {
    for (let event = session.next(); event !== null; event = session.next()) {
      events.push(event);
      if (event.kind === 'send') phase.push(concat(...event.bytes));
      if (event.kind === 'chosen') phase = sent.transmission;
      if (event.kind !== 'request') continue;
      const { work } = event.request;
      const outcome = work.op === 'read' ? { bytes: new Uint8Array(work.length) } : { extents: [] };
      phase.push(concat(...session.reply(event.request, outcome)));
    }
  };
  drain();
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    session.receive(bytes.subarray(at, at + pieceBytes));
    drain();
  }
  return { events, sent };
}

function judge(bytes: Uint8Array, pieceBytes: number): void {
  const { events, sent } = converse(bytes, pieceBytes);
  const ends = events.flatMap((event, index) => (event.kind === 'end' ? [index] : []));
  assert.ok(ends.length === 0 || (ends.length === 1 && ends[0] === events.length - 1), 'nothing follows the end');
  for (const event of events) {
    if (event.kind !== 'request') continue;
    const { work, payload } = event.request;
    assert.equal(payload.length, work.op === 'write' ? work.length : 0);
    if (!('offset' in work)) continue;
    assert.ok(Number.isSafeInteger(work.offset) && work.offset + work.length <= SIZE_BYTES);
  }
  // Readers throw on anything malformed.
  const options = sent.handshake.slice(1).filter((bytes) => !isExportNameReply(bytes));
  readOptionReplies(concat(...options));
  const replies = concat(...sent.transmission);
  // Simple replies do not say how long their reads are: only structured ones can be taken apart without the requests.
  if (sent.transmission.length > 0 && new DataView(replies.buffer).getUint32(0) === 0x668e33ef) readReplies(replies);
}

/** The one reply without a magic number starts with the size of the export. */
function isExportNameReply(bytes: Uint8Array): boolean {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0) === BigInt(SIZE_BYTES);
}

test(`${CONVERSATIONS} damaged conversations`, () => {
  fc.assert(
    fc.property(
      fc.tuple(aConversation, fc.array(aDamage, { maxLength: 4 }), fc.integer({ min: 1, max: 64 })),
      ([bytes, damages, pieceBytes]) => judge(damaged(bytes, damages), pieceBytes),
    ),
    { seed: SEED, numRuns: CONVERSATIONS },
  );
});

test('how bytes are cut into pieces makes no difference', () => {
  fc.assert(
    fc.property(
      fc.tuple(aConversation, fc.array(aDamage, { maxLength: 2 }), fc.integer({ min: 1, max: 64 })),
      (input) => {
        const [conversation, damages, pieceBytes] = input;
        const bytes = damaged(conversation, damages);
        const [whole, inPieces] = [converse(bytes, bytes.length + 1), converse(bytes, pieceBytes)];
        assert.ok(Buffer.from(bytesOf(whole)).equals(bytesOf(inPieces)));
        assert.deepEqual(whole.events.length, inPieces.events.length);
      },
    ),
    { seed: SEED, numRuns: 1000 },
  );
});

test('the conversations reach every state: options, transmissions, requests, refusals and ends', () => {
  const seen = new Map<string, number>();
  const count = (key: string) => seen.set(key, (seen.get(key) ?? 0) + 1);
  for (const bytes of fc.sample(aConversation, { seed: SEED, numRuns: 1000 })) {
    const { events } = converse(bytes, 7);
    for (const event of events) count(event.kind === 'request' ? event.request.work.op : event.kind);
  }
  for (const key of ['send', 'chosen', 'end', 'read', 'write', 'flush', 'discard', 'write-zeroes', 'cache'])
    assert.ok((seen.get(key) ?? 0) >= 10, `${key}: ${seen.get(key)}`);
});

/**
 * The recorded Debian installation makes exactly as many syncs here as the real programs of 2011 made for it
 * (workloads/traces/README.md has the recording; the figures were counted from system calls of those programs).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type BlockFile,
  CountingFile,
  createImage,
  openImage,
  type PolicyName,
  type StageId,
  type TableKind,
} from '../../engine/index.ts';
import { findWorkload } from '../../workloads/registry.ts';
import { parseGuestFlush, withGuestDiscard, withGuestFlush } from '../../workloads/transforms.ts';

const PAGE_BYTES = 65536;

/** Keeps metadata and forgets guest data: counts need no more, and two gigabytes need not be written. */
class DatalessFile implements BlockFile {
  readonly name = 'dataless';
  readonly writesAreDurable = false;
  readonly ignoresSyncs = false;
  readonly sectorsOnly = false;
  readonly readOnly = false;
  readonly #pages = new Map<number, Uint8Array>();
  #endBytes = 0;

  sizeBytes(): number {
    return this.#endBytes;
  }

  read(offset: number, into: Uint8Array): void {
    this.#eachPiece(offset, into.length, (page, start, from, to) => {
      const bytes = this.#pages.get(page);
      if (bytes === undefined) into.fill(0, from, to);
      else into.set(bytes.subarray(start, start + to - from), from);
    });
  }

  write(offset: number, from: Uint8Array, kind: TableKind): void {
    this.#endBytes = Math.max(this.#endBytes, offset + from.length);
    if (kind === 'data' || kind === 'cow') return;
    this.#eachPiece(offset, from.length, (page, start, first, to) => {
      const bytes = this.#pages.get(page) ?? new Uint8Array(PAGE_BYTES);
      bytes.set(from.subarray(first, to), start);
      this.#pages.set(page, bytes);
    });
  }

  sync(): void {}

  truncate(sizeBytes: number): void {
    this.#endBytes = sizeBytes;
  }

  punchHole(): boolean {
    return false;
  }

  preallocate(): boolean {
    return false;
  }

  extentAt(): null {
    return null;
  }

  close(): void {}

  #eachPiece(
    offset: number,
    length: number,
    visit: (page: number, start: number, from: number, to: number) => void,
  ): void {
    for (let done = 0; done < length; ) {
      const start = (offset + done) % PAGE_BYTES;
      const take = Math.min(PAGE_BYTES - start, length - done);
      visit((offset + done - start) / PAGE_BYTES, start, done, done + take);
      done += take;
    }
  }
}

/** What the installation makes of an image in writeback, its close included. */
async function installCounts(
  under: { readonly stage: StageId } | { readonly policy: PolicyName },
  guestFlush: string,
): Promise<{ syncs: number; writeBytes: number; guestBytes: number }> {
  const workload = await findWorkload('install', {}, { seed: 1, clusterSizeBytes: 65536 });
  const counting = new CountingFile(new DatalessFile());
  createImage(counting, { sizeBytes: workload.diskSizeBytes, version: 2 });
  const created = { ...counting.counts };
  const image = openImage(counting, under);
  const requests = withGuestDiscard(withGuestFlush(workload.requests(), parseGuestFlush(guestFlush)), 'ignore');
  const buffer = new Uint8Array(64 * 1024 * 1024);
  let guestBytes = 0;
  for await (const batch of requests) {
    for (const request of batch) {
      if (request.op === 'write') guestBytes += request.length;
      if (request.op === 'write') image.write(request.offset, buffer.subarray(0, request.length));
      else if (request.op === 'read') image.read(request.offset, buffer.subarray(0, request.length));
      else if (request.op === 'flush') image.flush();
      else assert.equal(request.op, 'mark');
    }
  }
  image.close();
  const { fsyncs, writeBytes } = counting.counts;
  return { syncs: fsyncs - created.fsyncs, writeBytes: writeBytes - created.writeBytes, guestBytes };
}

const PUBLISHED: readonly (readonly [StageId, string, number])[] = [
  ['S0', 'none', 5850],
  ['S1', 'none', 5198],
  ['S2', 'none', 37],
  ['S4b', 'none', 37],
  ['S0', 'recorded', 45258],
  ['S1', 'recorded', 124056],
  ['S2', 'recorded', 118895],
  ['S4b', 'recorded', 118895],
];

for (const [stage, guestFlush, syncs] of PUBLISHED) {
  test(`installation, guest flush ${guestFlush}, stage ${stage}: ${syncs} syncs`, async () => {
    assert.equal((await installCounts({ stage }, guestFlush)).syncs, syncs);
  });
}

/** Flushes of the recording that follow a write: no policy of one requester makes fewer syncs. */
const FLUSHES_AFTER_A_WRITE = 15866;
/** What QEMU 7.2 was counted making. */
const TODAY = { recorded: 16525, none: 26 };

test('installation under the policies beyond history: syncs and bytes', async () => {
  const under = async (policy: PolicyName, guestFlush: string) => installCounts({ policy }, guestFlush);
  assert.equal((await under('modern', 'recorded')).syncs, TODAY.recorded);
  assert.equal((await under('modern', 'none')).syncs, TODAY.none);
  // As in docs/policies.md.
  for (const [policy, most, recorded, none] of [
    ['ordered', TODAY.recorded, 16_501, 2],
    ['reserve', 1.01 * FLUSHES_AFTER_A_WRITE, 15_886, 3],
  ] as const) {
    const { syncs, writeBytes, guestBytes } = await under(policy, 'recorded');
    assert.ok(syncs >= FLUSHES_AFTER_A_WRITE && syncs <= most, `${policy}: ${syncs} syncs`);
    assert.equal(syncs, recorded);
    assert.ok(writeBytes <= 1.001 * guestBytes, `${policy}: ${writeBytes} bytes for ${guestBytes}`);
    const unflushed = await under(policy, 'none');
    assert.ok(unflushed.syncs <= 4, `${policy} without guest flushes: ${unflushed.syncs} syncs`);
    assert.equal(unflushed.syncs, none);
  }
});

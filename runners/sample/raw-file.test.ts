/** What the guest's requests cost on a plain file: each write once, and a sync for each flush that has something to make durable. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DEFAULT_HOST, KiB, MiB, MODELLED_DEVICES } from '../../engine/index.ts';
import { temporaryFolder } from '../testing/command.ts';
import { RAW_PREPARATIONS, type RawCellChoice, type RawPreparation, type SampleJob } from './job.ts';
import { measure } from './measure.ts';
import { openWorkload } from './workload-choice.ts';

let folder = '';
before(() => {
  folder = temporaryFolder();
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

type Choice = Partial<Pick<RawCellChoice, 'hostCacheMode'>> & { readonly discard?: 'ignore' | 'unmap' };

function jobOf(
  raw: RawPreparation,
  name: string,
  parameters: Readonly<Record<string, string>>,
  { hostCacheMode = 'writeback', discard = 'ignore' }: Choice = {},
): SampleJob<RawCellChoice> {
  return {
    imageFile: path.join(folder, `${raw}-${name}-${hostCacheMode}`),
    workload: { name, parameters, seed: 1, guestFlush: 'recorded', discard, limit: null },
    cell: { raw, hostCacheMode, clusterSizeBytes: 65_536 },
    // Traced samples read the whole disk back.
    traced: name !== 'install-burst',
    // Counts are those of any device; the model spares the wait for this one.
    device: { device: MODELLED_DEVICES[0]!, host: DEFAULT_HOST },
  };
}

const sample = (job: SampleJob<RawCellChoice>) => measure(job, async () => {});

/** Counted from the requests alone: flushes, and those among them that follow a write. */
async function flushesOf({ workload, cell }: SampleJob<RawCellChoice>): Promise<{ all: number; needed: number }> {
  const { requests } = await openWorkload(workload, cell.clusterSizeBytes);
  const found = { all: 0, needed: 0 };
  let dirty = false;
  for await (const batch of requests) {
    for (const { op } of batch) {
      if (op === 'write' || op === 'write-zeroes' || op === 'discard') dirty = true;
      if (op !== 'flush') continue;
      found.all++;
      if (dirty) found.needed++;
      dirty = false;
    }
  }
  return found;
}

const BURST = { data: '2M' };

describe('an installation on a plain file', () => {
  // Its disk is large: to fill it with zeros is left to the smaller ones below.
  for (const raw of ['sparse', 'falloc'] as const) {
    test(`${raw}: every write once, every flush that has something to do, and the disk as the guest left it`, async () => {
      const job = jobOf(raw, 'install-burst', BURST);
      const { exact, verification } = await sample(job);
      const flushes = await flushesOf(job);
      assert.ok(flushes.needed < flushes.all, 'the workload flushes twice in a row');
      assert.deepEqual([exact.guest.flushes, exact.fsyncs], [flushes.all, flushes.needed]);
      assert.deepEqual([exact.writes, exact.writeBytes], [exact.guest.writes, exact.guest.writeBytes]);
      assert.deepEqual(exact.syncsByCause, { 'guest-flush': flushes.needed });
      assert.deepEqual(Object.keys(exact.byKind), ['data']);
      // The workload zeroes one range: its space is kept, which takes it before and after the hole.
      assert.deepEqual([exact.tableCaches, exact.punches, exact.preallocations], [null, 1, 2]);
      const { workload } = await openWorkload(job.workload, 65_536);
      assert.equal(exact.imageBytes, workload.diskSizeBytes);
      assert.deepEqual([verification.content, verification.check], ['equal', 'not-run']);
    });
  }

  test('what was prepared costs less on a device whose first write of a block is metadata', async () => {
    const nsOf = async (raw: RawPreparation) =>
      (await sample(jobOf(raw, 'random-write', { span: '1M', writes: '64', 'flush-every': '1' }))).times.wallNs;
    const [sparse, zeroes] = [await nsOf('sparse'), await nsOf('zeroes')];
    assert.ok(zeroes < sparse, `${zeroes} and ${sparse} ns of virtual time`);
  });

  test('writes that are durable on return leave nothing to the flushes, but a hole does', async () => {
    const { exact } = await sample(jobOf('sparse', 'install-burst', BURST, { hostCacheMode: 'writethrough' }));
    assert.deepEqual([exact.fsyncs, exact.punches, exact.odsyncWrites], [1, 1, exact.writes]);
  });
});

test('a disk that was full before holds what it held, and writes to it are no copies', async () => {
  for (const raw of RAW_PREPARATIONS) {
    const { exact, verification } = await sample(jobOf(raw, 'backing', { span: '2M', writes: '16' }));
    assert.deepEqual([exact.writes, exact.writeBytes], [16, 16 * 4 * KiB]);
    assert.deepEqual([verification.content, verification.contentBytes], ['equal', 2 * MiB]);
  }
});

test('what the workload does before it is measured is in the file, and in no count', async () => {
  const { exact, verification, cascades } = await sample(
    jobOf('sparse', 'overwrite', { span: '1M', writes: '16', 'flush-every': '4' }),
  );
  assert.deepEqual([exact.writes, exact.fsyncs, exact.guest.flushes], [16, 4, 4]);
  assert.equal(verification.content, 'equal');
  assert.ok(cascades.some(({ request }) => request.op === 'flush'));
});

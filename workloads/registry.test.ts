import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { MiB, SECTOR_BYTES } from '../engine/base/units.ts';
import { TraceError, WorkloadError } from './errors.ts';
import { findDefinition, findWorkload, WORKLOADS } from './registry.ts';
import type { GuestRequest, RequestStream } from './request.ts';
import { fileWith, inTemporaryFolder } from './testing/temporary.ts';
import { RequestTotals, totalsOf } from './totals.ts';
import type { Workload, WorkloadContext } from './workload.ts';

const CONTEXT: WorkloadContext = { seed: 1, clusterSizeBytes: 65536 };
/** Replaying the installation as preparation takes a second: tested once, with `boot`. */
const PREPARED_BY_INSTALL = ['boot', 'upgrade'];

async function hashOf(stream: RequestStream): Promise<string> {
  const hash = createHash('sha256');
  for await (const batch of stream) hash.update(JSON.stringify(batch).slice(1, -1));
  return hash.digest('hex');
}

async function all(stream: RequestStream): Promise<GuestRequest[]> {
  const requests: GuestRequest[] = [];
  for await (const batch of stream) requests.push(...batch);
  return requests;
}

/** Offsets, lengths and phases are as the contract says. */
function assertContract(workload: Workload, requests: readonly GuestRequest[]): void {
  const marks = new Set<string>();
  for (const request of requests) {
    if (request.op === 'mark') marks.add(request.text);
    if (!('length' in request)) continue;
    const size = request.op.startsWith('vmstate') ? workload.vmStateSizeBytes : workload.diskSizeBytes;
    const inside = request.offset >= 0 && request.length > 0 && request.offset + request.length <= size;
    const whole = request.offset % SECTOR_BYTES === 0 && request.length % SECTOR_BYTES === 0;
    assert.ok(inside && whole, JSON.stringify(request));
  }
  assert.deepEqual([...marks], [...workload.phases]);
}

for (const { name } of WORKLOADS) {
  test(`${name}: keeps the contract, and a seed names one stream`, async () => {
    const workload = await findWorkload(name, {}, CONTEXT);
    const requests = await all(workload.requests());
    assertContract(workload, requests);
    const totals = new RequestTotals();
    for (const request of requests) totals.add(request);
    assert.equal(totals.requests, workload.totalRequests);
    assert.ok(totals.byOp.write.count > 0);
    assert.equal(workload.diskSizeBytes % SECTOR_BYTES, 0);
    assert.equal(/\n/.test(workload.describe()), false);
    const again = await findWorkload(name, {}, CONTEXT);
    const hash = await hashOf(workload.requests());
    assert.equal(hash, await hashOf(workload.requests()), 'called twice');
    assert.equal(hash, await hashOf(again.requests()), 'made twice');
    if (PREPARED_BY_INSTALL.includes(name)) return;
    assert.equal(await hashOf(workload.prepare()), await hashOf(again.prepare()), 'prepared twice');
    const preparation = (await all(workload.prepare())).filter((request) => request.op !== 'mark');
    assertContract({ ...workload, phases: [] }, preparation);
  });
}

for (const name of ['install-burst', 'savevm', 'random-write', 'overwrite', 'backing', 'database-synthetic']) {
  test(`${name}: another seed gives another stream`, async () => {
    const hashes = await Promise.all(
      [1, 2].map(async (seed) => hashOf((await findWorkload(name, {}, { ...CONTEXT, seed })).requests())),
    );
    assert.notEqual(hashes[0], hashes[1]);
  });
}

/** Parameters at their edges, and clusters of all sizes. */
const UNUSUAL: readonly (readonly [string, Record<string, unknown>, number])[] = [
  ['install-burst', { data: 512 }, 65536],
  ['install-burst', { data: '1G' }, 65536],
  ['snapshot', { l2Tables: 3, clustersPerTable: 64 }, 512],
  ['snapshot', { 'l2-tables': '256', 'clusters-per-table': '1', 'flush-every': '0' }, 65536],
  ['snapshot', { l2Tables: 2, requestBytes: '1M' }, 4096],
  ['snapshot', { l2Tables: 1, clustersPerTable: 8 }, 2 * MiB],
  ['savevm', { memory: '33K', saves: 3, writesBetween: 0, disk: 512 }, 65536],
  ['random-write', { span: 512, requestBytes: 512, writes: 1 }, 65536],
  ['random-write', { span: '1000K', requestBytes: '3K', writes: 5000, flushEvery: 7 }, 65536],
  ['overwrite', { span: '3M', requestBytes: '64K', order: 'sequential', writes: 100, flushEvery: 0 }, 65536],
  ['backing', { span: '10M', requestBytes: '128K', writes: 1e9 }, 65536],
  ['backing', { span: '65K', requestBytes: '3K' }, 512],
  ['backing', { span: 512, requestBytes: 512 }, 2 * MiB],
  ['database-synthetic', { transactions: 1, table: 512, log: '1M', checkpointEvery: 0 }, 65536],
  ['database-synthetic', { transactions: 500, table: '1M', log: '1M', pagesPerTransaction: 0, appendBytes: 0 }, 512],
  [
    'database-synthetic',
    { transactions: 300, log: '1025K', table: '9K', pagesPerTransaction: 32, appendBytes: 8192 },
    65536,
  ],
];

for (const [name, parameters, clusterSizeBytes] of UNUSUAL) {
  test(`${name} with ${JSON.stringify(parameters)} and clusters of ${clusterSizeBytes} keeps the contract`, async () => {
    const workload = await findWorkload(name, parameters, { seed: 5, clusterSizeBytes });
    assertContract(workload, await all(workload.requests()));
    assert.equal((await totalsOf(workload.requests())).requests, workload.totalRequests);
  });
}

test('backing writes no cluster twice', async () => {
  const workload = await findWorkload('backing', { writes: 4096 }, CONTEXT);
  const clusters = (await all(workload.requests())).flatMap((r) =>
    r.op === 'write' ? [Math.floor(r.offset / 65536)] : [],
  );
  assert.equal(clusters.length, 4096);
  assert.equal(new Set(clusters).size, 4096);
  assert.equal(workload.backingImage, true);
});

test('snapshot uses as many L2 tables and clusters as it is told', async () => {
  const workload = await findWorkload('snapshot', { l2Tables: 7, clustersPerTable: 5 }, CONTEXT);
  const clusters = (await all(workload.prepare())).flatMap((r) => (r.op === 'write' ? [r.offset / 65536] : []));
  assert.equal(new Set(clusters).size, 35);
  assert.equal(new Set(clusters.map((cluster) => Math.floor(cluster / 8192))).size, 7);
});

test('the synthetic installation flushes and rewrites like the recorded one', async () => {
  const [recorded, synthetic] = await Promise.all(
    ['install', 'install-burst'].map(async (name) => totalsOf((await findWorkload(name, {}, CONTEXT)).requests())),
  );
  const flushesPerWrite = (t: RequestTotals) => t.byOp.flush.count / t.byOp.write.count;
  const emptyShare = (t: RequestTotals) => t.flushesWithoutWrite / t.byOp.flush.count;
  const meanWrite = (t: RequestTotals) => t.byOp.write.bytes / t.byOp.write.count;
  for (const measure of [flushesPerWrite, emptyShare, meanWrite]) {
    const ratio = measure(synthetic!) / measure(recorded!);
    assert.ok(ratio > 0.7 && ratio < 1.4, `${measure.name}: ${ratio}`);
  }
});

test('trace:FILE takes its disk from the farthest request, or from a parameter', () =>
  inTemporaryFolder(async (folder) => {
    const path = fileWith(
      folder,
      'mine',
      'fio version 3 iolog\n0 d write 4096 4096\n1 d trim 1048576 512\n2 d sync 0 0\n',
    );
    const workload = await findWorkload(`trace:${path}`, {}, CONTEXT);
    assert.equal(workload.diskSizeBytes, 1_049_088);
    assert.equal(workload.totalRequests, 3);
    assert.equal((await all(workload.requests())).length, 3);
    assert.equal((await findWorkload(`trace:${path}`, { diskSize: '2M' }, CONTEXT)).diskSizeBytes, 2 * MiB);
    await assert.rejects(findWorkload(`trace:${path}`, { diskSize: '1M' }, CONTEXT), TraceError);
    await assert.rejects(findWorkload(`trace:${path}`, { file: 'other' }, CONTEXT), /no reads, writes or trims/);
    await assert.rejects(findWorkload(`trace:${path}.gone`, {}, CONTEXT), /no such file/);
  }));

/** [workload, parameters, message]. */
const MISTAKES: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  ['instal', {}, /^no workload "instal" \(did you mean install\?\)$/],
  ['randomwrite', {}, /did you mean random-write\?/],
  ['', {}, /^no workload "" \(one of install, .* or trace:FILE\)$/],
  ['trace:', {}, /^no workload "trace:"/],
  ['install', { span: 1 }, /^workload install has no parameter --span \(it has none\)$/],
  ['random-write', { requestByte: 1 }, /has no parameter --request-byte \(it has --span, --request-bytes/],
  ['random-write', { span: '12x' }, /^workload random-write: --span "12x": /],
  ['random-write', { span: 1000 }, /^workload random-write: --span "1000": .*512/],
  ['random-write', { span: '0' }, /--span "0": /],
  ['random-write', { writes: -1 }, /--writes "-1": /],
  ['random-write', { writes: Number.NaN }, /--writes "NaN": /],
  ['random-write', { writes: '5000000000' }, /--writes "5000000000": /],
  ['random-write', { span: '4K', requestBytes: '8K' }, /--request-bytes 8192 is above --span 4096$/],
  ['overwrite', { order: 'sorted' }, /--order "sorted": /],
  ['snapshot', { clustersPerTable: 8193 }, /--clusters-per-table 8193 is above the 8192 of a table/],
  ['database-synthetic', { log: '512K' }, /--log 512K is below 1M$/],
  ['database-synthetic', { pagesPerTransaction: 33 }, /--pages-per-transaction 33 is above 32$/],
  ['database-synthetic', { appendBytes: 8193 }, /--append-bytes 8193 is above a page of 8192$/],
  ['snapshot', { l2Tables: 1e9 }, /^workload snapshot: /],
];

for (const [name, parameters, message] of MISTAKES) {
  test(`mistake: ${name} ${JSON.stringify(parameters)}`, async () => {
    await assert.rejects(findWorkload(name, parameters, CONTEXT), (error) => {
      assert.ok(error instanceof WorkloadError, String(error));
      assert.match(error.message, message);
      assert.equal(error.message.includes('\n'), false);
      return true;
    });
  });
}

test('parameters are listed with option, unit and default', () => {
  assert.deepEqual(findDefinition('random-write').parameters[1], {
    option: 'request-bytes',
    description: 'length of a write',
    unit: 'bytes',
    defaultText: '4K',
  });
  for (const { parameters } of WORKLOADS) {
    for (const { option, description, unit } of parameters) assert.ok(option && description && unit, option);
  }
  assert.equal(findDefinition('trace:x').parameters[0]?.defaultText, undefined);
});

/**
 * What each shipped workload costs on each modelled storage, exact, from its operations alone: no policy that is recommended costs
 * more than `modern` anywhere, and where `writeback` costs less than `reserve`, it is because its copies write the rest of each new cluster
 * as zeros, as `reserve` does with `--preparation zeroes`.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { MODELLED_DEVICES } from '../../engine/index.ts';
import { temporaryFolder } from '../testing/command.ts';
import type { CellChoice } from './job.ts';
import { measure } from './measure.ts';
import type { WorkloadChoice } from './workload-choice.ts';

/** Small, and with the flushes that the defaults have. */
const WORKLOADS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'install-burst': { data: '1M' },
  snapshot: { clustersPerTable: '16' },
  savevm: { memory: '2M', disk: '4M', writesBetween: '64' },
  'sequential-write': { span: '2M', requestBytes: '4K', flushEvery: '1' },
  'random-write': { span: '64M', writes: '256' },
  overwrite: { span: '16M', writes: '256' },
  backing: { span: '32M', writes: '128' },
  'database-synthetic': { transactions: '64', table: '4M' },
};

/** What a short run spends on opening and closing, as a share. */
const NOISE = 1.02;
/** Where `writeback` beats `reserve` with holes: several small fresh writes fall to each cluster, with a flush between. */
const WRITEBACK_WINS: Readonly<Record<string, readonly string[]>> = {
  'install-burst': ['hdd-7200', 'network-block'],
  'sequential-write': ['hdd-7200', 'sata-ssd-no-plp', 'nvme-plp', 'network-block'],
  'database-synthetic': ['hdd-7200', 'sata-ssd-no-plp', 'network-block'],
};

const IMAGE = { version: 3, clusterSizeBytes: 65536, l2CacheTables: 16, refcountCacheTables: 4 } as const;
type Prices = Readonly<Record<string, number>>;

let folder = '';
before(() => {
  folder = temporaryFolder();
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

async function pricesOf(name: string, policy: string, preparation?: 'zeroes'): Promise<Prices> {
  const workload: WorkloadChoice = {
    ...{ name, parameters: WORKLOADS[name]!, seed: 1 },
    ...{ guestFlush: 'recorded', discard: 'ignore', limit: null },
  };
  const cell: CellChoice = {
    ...{ ...IMAGE, policy, stage: null, hostCacheMode: 'writeback' },
    ...(preparation !== undefined && { reserve: { preparation } }),
  };
  const { modelledNs } = await measure(
    { imageFile: path.join(folder, 'image'), workload, cell, traced: true },
    async () => {},
  );
  return modelledNs!;
}

/** Of the modelled storages, those where `one` costs more than `other`, beyond what opening and closing an image costs. */
function costlier(one: Prices, other: Prices): string[] {
  return MODELLED_DEVICES.map(({ name }) => name).filter((name) => one[name]! > NOISE * other[name]!);
}

for (const name of Object.keys(WORKLOADS)) {
  test(`${name}: ordered and reserve cost no more than modern on any storage`, async () => {
    const modern = await pricesOf(name, 'modern');
    assert.deepEqual(costlier(await pricesOf(name, 'ordered'), modern), []);
    const reserve = await pricesOf(name, 'reserve');
    assert.deepEqual(costlier(reserve, modern), []);
    const writeback = await pricesOf(name, 'writeback');
    assert.deepEqual(costlier(reserve, writeback), WRITEBACK_WINS[name] ?? []);
    if (name in WRITEBACK_WINS) assert.deepEqual(costlier(await pricesOf(name, 'reserve', 'zeroes'), writeback), []);
  });
}

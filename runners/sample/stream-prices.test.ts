import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { DEFAULT_HOST, MODELLED_DEVICES } from '../../engine/index.ts';
import { temporaryFolder } from '../testing/command.ts';
import type { CellChoice, ModelledDevice, RawCellChoice, SampleJob } from './job.ts';
import { measure } from './measure.ts';
import type { WorkloadChoice } from './workload-choice.ts';

let folder = '';
before(() => {
  folder = temporaryFolder();
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

const IMAGE = { version: 3, clusterSizeBytes: 65536, l2CacheTables: 16, refcountCacheTables: 4 } as const;
const CELLS: readonly (CellChoice | RawCellChoice)[] = [
  { ...IMAGE, policy: 'legacy', stage: 'S0', hostCacheMode: 'writeback' },
  { ...IMAGE, policy: 'writethrough', stage: 'S4b', hostCacheMode: 'writethrough' },
  { raw: 'sparse', hostCacheMode: 'writeback', clusterSizeBytes: 65536 },
];

for (const cell of CELLS) {
  const name = 'raw' in cell ? `raw ${cell.raw}` : cell.policy;
  test(`one sample on any device is priced as a replay on each modelled device takes: ${name}`, async () => {
    const workload: WorkloadChoice = {
      ...{ name: 'install-burst', parameters: { data: '512K' }, seed: 1 },
      ...{ guestFlush: 'recorded', discard: 'ignore', limit: null },
    };
    const sampleOn = (device: ModelledDevice | undefined, traced: boolean) => {
      const imageFile = path.join(folder, `${name}-${device?.device.name}`);
      const job: SampleJob<CellChoice | RawCellChoice> = { imageFile, workload, cell, traced };
      return measure({ ...job, ...(device !== undefined && { device }) }, async () => {});
    };
    const virtual: Record<string, number> = {};
    for (const device of MODELLED_DEVICES) {
      virtual[device.name] = (await sampleOn({ device, host: DEFAULT_HOST }, false)).times.wallNs;
    }
    assert.deepEqual((await sampleOn(undefined, true)).modelledNs, virtual);
    const elsewhere = await sampleOn({ device: MODELLED_DEVICES[0]!, host: DEFAULT_HOST }, true);
    assert.deepEqual(elsewhere.modelledNs, virtual);
  });
}

/** `cowbench calibrate`: how well the models predict this storage, each prediction paired with a run and a probe right before it. */
import fs from 'node:fs';
import path from 'node:path';
import type { CommandModule } from 'yargs';
import { POLICIES, type PolicyName, STAGES } from '../../engine/index.ts';
import { breakDownCost } from '../../results/cost-model.ts';
import { median } from '../../results/statistics.ts';
import { defaultImagesDirectory } from '../bench/images-directory.ts';
import { TemporaryImages } from '../bench/temporary-images.ts';
import { integer, single } from '../option-values.ts';
import { probeStorage } from '../probe.ts';
import { fitDeviceModel, fitStorageCosts } from '../probe-fit.ts';
import type { SampleJob, SampleResult } from '../sample/job.ts';
import { measure } from '../sample/measure.ts';
import { textTable } from '../text-table.ts';

interface CalibrateOptions {
  dir: string | undefined;
  rounds: string;
  data: string;
}

export const calibrate: CommandModule<object, CalibrateOptions> = {
  command: 'calibrate',
  describe: 'run a workload for real, predict its time from a probe, and show how far off the models are',
  builder: (yargs) =>
    yargs
      .option('dir', {
        type: 'string',
        requiresArg: true,
        describe: 'the storage [default: where bench would put its images]',
      })
      .option('rounds', {
        type: 'string',
        requiresArg: true,
        default: '5',
        describe: 'measure and predict so many times',
      })
      .option('data', {
        type: 'string',
        requiresArg: true,
        default: '4M',
        describe: 'size of the workload install-burst',
      })
      .example('$0 calibrate --dir /mnt/ssd', 'is what --device model:probed says true here?'),
  handler: async ({ dir, rounds, data }) => {
    const directory = path.resolve(dir === undefined ? defaultImagesDirectory() : single('dir', dir));
    const count = integer('rounds', single('rounds', rounds), 1, 1000);
    const images = new TemporaryImages(directory, false);
    try {
      const rows = [];
      for (const policy of Object.keys(POLICIES) as PolicyName[]) {
        const predictions: Prediction[] = [];
        for (let seed = 1; seed <= count; seed++) predictions.push(await predict(jobOf(policy, data, images), seed));
        rows.push(rowOf(policy, predictions));
      }
      for (const line of textTable(HEADER, rows)) console.log(line);
    } finally {
      images.remove();
    }
  },
};

const HEADER = [
  'policy',
  'measured, median',
  'device model / measured',
  'cost model / measured',
  'least and most of the first',
];

interface Prediction {
  readonly measuredNs: number;
  /** Predicted over measured. */
  readonly device: number;
  readonly cost: number;
}

async function predict(job: SampleJob, seed: number): Promise<Prediction> {
  const probe = probeStorage(path.dirname(job.imageFile), { timeMs: 700, seed });
  const real = await sample(job);
  // Traced, so that syncs can be told apart; on a model tracing costs no time.
  const model = await sample({ ...job, traced: true, device: fitDeviceModel(probe) });
  const { wallNs: measuredNs, deviceNs } = real.times;
  const engineNs = Math.max(0, measuredNs - deviceNs.read - deviceNs.write - deviceNs.sync);
  const { growing: growingSyncs, clean: cleanSyncs } = model.syncKinds!;
  const counters = real.exact;
  const cost = breakDownCost({
    counters,
    costs: fitStorageCosts(probe),
    engineNs,
    measuredNs,
    growingSyncs,
    cleanSyncs,
  });
  return { measuredNs, device: (model.times.wallNs + engineNs) / measuredNs, cost: cost.modelledNs / measuredNs };
}

async function sample(job: SampleJob): Promise<SampleResult> {
  try {
    return await measure(job, async () => {});
  } finally {
    fs.rmSync(job.imageFile, { force: true });
  }
}

function jobOf(policy: PolicyName, data: string, images: TemporaryImages): SampleJob {
  const { stage, hostCacheMode } = POLICIES[policy];
  const { l2CacheTables, refcountCacheTables } = STAGES[stage];
  return {
    imageFile: images.imageFile(policy),
    workload: {
      ...{ name: 'install-burst', parameters: { data }, seed: 1 },
      ...{ guestFlush: 'recorded', discard: 'ignore', limit: null },
    },
    cell: { policy, stage, hostCacheMode, version: 3, clusterSizeBytes: 65536, l2CacheTables, refcountCacheTables },
    traced: false,
  };
}

function rowOf(policy: string, predictions: readonly Prediction[]): string[] {
  const device = predictions.map((prediction) => prediction.device);
  return [
    policy,
    `${(median(predictions.map(({ measuredNs }) => measuredNs)) / 1e6).toFixed(1)} ms`,
    median(device).toFixed(3),
    median(predictions.map(({ cost }) => cost)).toFixed(3),
    `${Math.min(...device).toFixed(2)} to ${Math.max(...device).toFixed(2)}`,
  ];
}

/** `cowbench calibrate`: how well the models predict this storage, from probes and runs in turn. */
import path from 'node:path';
import type { CommandModule } from 'yargs';
import { textTable } from '../../dashboards/text/text-table.ts';
import { findPolicy, type PolicyName, policyNames } from '../../engine/index.ts';
import { judgePrediction, type PredictionVerdict, TOLERANCE } from '../../results/prediction-verdict.ts';
import { median } from '../../results/statistics.ts';
import { EXIT_CODES } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { integer, single } from '../console/option-values.ts';
import { stdoutTerminal } from '../console/terminal.ts';
import { defaultImagesDirectory } from '../machine/images-directory.ts';
import { type PredictedBlock, predictedBlock, warmUp } from '../measure/calibration/predictions.ts';
import { watchWaiting } from '../measure/calibration/waiting.ts';
import { TemporaryImages } from '../measure/session/temporary-images.ts';
import type { SampleJob } from '../sample/job.ts';

interface CalibrateOptions {
  dir: string | undefined;
  rounds: string;
  data: string;
}

const TOLERANCE_TEXT = `${(TOLERANCE * 100).toFixed(0)} %`;

export const calibrate: CommandModule<object, CalibrateOptions> = {
  command: 'calibrate',
  describe: 'check how well the device model predicts this storage, from probes and real runs',
  builder: (yargs) =>
    yargs
      .option('dir', {
        ...value('DIR'),
        describe: 'directory on the storage to check [default: where bench would put its images]',
      })
      .option('rounds', {
        ...value('N'),
        default: '10',
        describe: 'rounds per policy (probe, run, run, probe); at least 6 for a verdict',
      })
      .option('data', {
        ...value('SIZE'),
        default: '4M',
        describe: 'size of the workload (install-burst)',
      })
      .example('$0 calibrate --dir /mnt/ssd', 'check how well model:probed predicts this disk'),
  handler: async ({ dir, rounds, data }) => {
    const directory = path.resolve(dir === undefined ? defaultImagesDirectory() : single('dir', dir));
    const count = integer('rounds', single('rounds', rounds), 1, 1000);
    const images = new TemporaryImages(directory, false);
    try {
      report(await takeBlocks(count, single('data', data), images));
    } finally {
      images.remove();
    }
  },
};

interface Measured {
  readonly blocks: ReadonlyMap<PolicyName, readonly PredictedBlock[]>;
  readonly waiting: number;
}

/** All policies in turn, round after round: what the machine does meanwhile, it does to all of them. */
async function takeBlocks(count: number, data: string, images: TemporaryImages): Promise<Measured> {
  const jobs = policyNames().map((policy) => [policy, jobOf(policy, data, images)] as const);
  for (const [, job] of jobs) await warmUp(job);
  const waitingShare = watchWaiting();
  const blocks = new Map(jobs.map(([policy]): [PolicyName, PredictedBlock[]] => [policy, []]));
  for (let round = 0; round < count; round++) {
    for (const [policy, job] of jobs) blocks.get(policy)!.push(await predictedBlock(job, round));
  }
  return { blocks, waiting: waitingShare() };
}

function jobOf(policy: PolicyName, data: string, images: TemporaryImages): SampleJob {
  const { preset, behaviour } = findPolicy(policy);
  const { stage = null, hostCacheMode } = preset;
  const { refcountCacheTables } = behaviour;
  const l2CacheTables = behaviour.l2CacheCoversDisk ? null : behaviour.l2CacheTables;
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

const HEADER = ['policy', 'measured, median', 'device model / measured', 'cost model / measured', 'device model'];

function report({ blocks, waiting }: Measured): void {
  const judged = [...blocks].map(([policy, all]) => ({
    policy,
    measuredNs: median(all.flatMap(({ device }) => device.measuredNs)),
    ...judgements(all, waiting),
  }));
  const rows = judged.map(({ policy, measuredNs, device, cost }) => [
    policy,
    `${(measuredNs / 1e6).toFixed(1)} ms`,
    ratioText(device),
    ratioText(cost),
    verdictText(device),
  ]);
  for (const line of textTable(HEADER, rows, stdoutTerminal().width)) console.log(line);
  const verdicts = judged.map(({ device }) => device.verdict);
  if (verdicts.includes('outside')) process.exitCode = EXIT_CODES.finding;
  else if (verdicts.includes('unsure')) process.exitCode = EXIT_CODES.unsure;
}

function judgements(blocks: readonly PredictedBlock[], waiting: number) {
  const by = (model: 'device' | 'cost') => blocks.map((block) => block[model]);
  return { device: judgePrediction(by('device'), waiting), cost: judgePrediction(by('cost'), waiting) };
}

function ratioText({ interval: { ratio, low, high } }: PredictionVerdict): string {
  return `${ratio.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
}

function verdictText({ verdict, reason }: PredictionVerdict): string {
  return verdict === 'unsure' ? `unsure: ${reason}` : `${verdict} ${TOLERANCE_TEXT}`;
}

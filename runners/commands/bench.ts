/** `cowbench bench`: the main job. */
import type { CommandModule } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { type BenchOptions, withBenchOptions } from '../measure/plan/bench-options.ts';
import { plansOf } from '../measure/plan/sweep.ts';
import { SHARD_OPTIONS, shardChoice } from '../shards/shard-options.ts';
import { benchPlans } from './bench-plans.ts';
import { benchShard, mergeBench } from './bench-shards.ts';

export const bench: CommandModule<object, BenchOptions> = {
  command: 'bench',
  describe: 'replay a workload under several policies and compare syncs, bytes and latency',
  builder: (yargs) =>
    withBenchOptions(yargs)
      .options(SHARD_OPTIONS)
      .example('$0 bench', 'a recorded Debian installation under all policies')
      .example('$0 bench -w install --guest-flush none', 'the same without guest flushes')
      .example('$0 bench --rounds 0', 'counts only, which are exact after one round')
      .example(
        '$0 bench -w install-burst --data 32M --rounds 3',
        'a synthetic workload, three rounds after the warm-up',
      )
      .example('$0 bench -w trace:disk.iolog.gz --dir /mnt/ssd --json', 'your own fio iolog, on your own disk')
      .example('$0 bench --stage all --cache writeback,writethrough', 'every stage of history in both modes')
      .example(
        '$0 bench --cluster-size 4k,64k,2M --l2-cache 1M,8M --resume',
        'a sweep; repeat the command to resume it',
      )
      .example(
        '$0 bench -w random-write --flush-every 1 --requesters 1,4,16,64',
        'requests in flight at once, which share flushes',
      )
      .example('$0 bench -w install,snapshot --guest-flush recorded,none', 'a matrix of workloads on one page')
      .example('$0 bench --device model:hdd-7200,model:nvme-plp', 'on modelled devices')
      .example(
        '$0 bench --rounds 0 --cluster-size 4k,64k --shard 2/7 --out part-2.json',
        'one share of seven; see docs/shards.md',
      )
      .example('$0 bench --merge part-*.json', 'the record of all seven'),
  handler: async (options) => {
    const choice = shardChoice(options);
    if (choice.kind === 'merge') return mergeBench(choice.files, options);
    const plans = plansOf(options, hideBin(process.argv));
    if (choice.kind === 'shard') return benchShard(plans, choice.shard, options);
    await benchPlans(plans, options);
  },
};

/**
 * What happens to fleets, drawn from a seed, one after the other while a benchmark is done: workers are killed or ended, the database
 * crashes or answers nothing for a while, the worker's disk becomes full. The long form: `npm run fleet:soak -- SEED TIMES`.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Prng } from '../../../workloads/prng.ts';
import { fill, onSmallTmpfs } from '../../testing/small-tmpfs.ts';
import { samplesBelow, TestFleet, until } from './test-fleet.ts';

const MISFORTUNES = [
  'worker killed',
  'worker ended',
  'database crashes',
  'database is silent',
  'disk is full',
] as const;
export type Misfortune = (typeof MISFORTUNES)[number];

/** A benchmark of `samples` samples, a fraction of a second each. */
const benchOf = (samples: number) => [
  ...['submit', 'bench', '--workload', 'install-burst', '--data', '1M', '--policy', 'ordered', '--label', 'disk'],
  ...['--device', 'model:nvme-plp', '--rounds', String(samples), '--crash', 'none'],
];

/** `times` of them, from `seed`. */
export function drawn(seed: number, times: number): Misfortune[] {
  const prng = new Prng(seed);
  return Array.from({ length: times }, () => MISFORTUNES[prng.below(MISFORTUNES.length)]!);
}

/**
 * A benchmark under `misfortunes`, each after at least one more sample, then to its end. Asserts that the store has one complete run, each
 * sample once. False where this system permits no small disk to be mounted: that one is then left out.
 */
export async function endure(fleet: TestFleet, misfortunes: readonly Misfortune[], name: string): Promise<boolean> {
  const samples = misfortunes.length + 2;
  await fleet.renew(name);
  await fleet.run(...benchOf(samples));
  const folder = fleet.dirOf(name);
  const work = async (dir: string) => {
    for (const misfortune of misfortunes) await suffer(fleet, misfortune, dir);
    const last = await fleet.startWorker('--dir', dir, '--label', 'disk');
    await until(async () => (await fleet.states())[0] === 'completed');
    last.process.kill('SIGTERM');
    assert.equal((await last.finished).code, 143);
    await fleet.assertOneWholeRun(samples);
    return true;
  };
  if (!misfortunes.includes('disk is full')) return work(folder);
  return (await onSmallTmpfs(folder, 'size=48m', work)) ?? false;
}

/**
 * One worker, from its start to its end, with what happens to it after it has taken a sample itself. On a machine that is busy otherwise all samples
 * may be taken before anybody looks: it then happens to a worker that waits for more.
 */
async function suffer(fleet: TestFleet, misfortune: Misfortune, dir: string): Promise<void> {
  const had = samplesBelow(dir);
  const { process: child, finished } = await fleet.startWorker('--dir', dir, '--label', 'disk');
  await until(async () => samplesBelow(dir) > had || (await fleet.states())[0] === 'completed');
  if (misfortune === 'worker ended') {
    child.kill('SIGTERM');
    assert.equal((await finished).code, 143);
    return;
  }
  if (misfortune === 'database crashes') {
    await fleet.server.stop('immediate');
    await sleep(300);
    await fleet.server.start();
  } else if (misfortune === 'database is silent') {
    const wake = await silence(fleet);
    await sleep(1000);
    wake();
  } else if (misfortune === 'disk is full') {
    const filler = fill(dir);
    // It fails and gives the job back to be retried; there is room again then.
    await until(async () => (await fleet.states())[0] !== 'active');
    fs.rmSync(filler);
  }
  child.kill('SIGKILL');
  await finished;
  await fleet.lostJobsAreDue();
}

/**
 * Stops what answers the fleet's connections, as a network that loses every packet; gives what lets them answer again. A worker that takes
 * up samples of an earlier one may not have connected yet: it is waited for.
 */
async function silence(fleet: TestFleet): Promise<() => void> {
  let stopped: number[] = [];
  await until(async () => (stopped = await fleet.backends()).length > 0);
  const signal = (name: NodeJS.Signals) => {
    for (const pid of stopped) {
      try {
        process.kill(pid, name);
      } catch {
        // It ended meanwhile.
      }
    }
  };
  signal('SIGSTOP');
  return () => signal('SIGCONT');
}

if (import.meta.main) {
  const [seed = 1, times = 20] = process.argv.slice(2).map(Number);
  const fleet = new TestFleet();
  try {
    await fleet.server.start();
    for (let one = seed; one < seed + times; one++) {
      const misfortunes = drawn(one, 6);
      const isWhole = await endure(fleet, misfortunes, `soak_${one}`);
      console.log(
        `seed ${one}: ${isWhole ? 'each sample once' : 'left out, no right to mount'}: ${misfortunes.join(', ')}`,
      );
    }
  } finally {
    fleet.killAll();
    await fleet.remove();
  }
}

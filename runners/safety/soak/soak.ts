/** `npm run soak -- --kills N`: kills a writer again and again, see `kill-loop.ts`. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import yargs from 'yargs';
import { findPolicy, policyNames, Qcow2Error } from '../../../engine/index.ts';
import { describeFailure, EXIT_CODES, UsageError } from '../../console/errors.ts';
import { costLine, diskWords, sharedMs } from '../../console/expected-cost.ts';
import { Interruption } from '../../console/interruption.ts';
import { killLoop, SoakFinding, type SoakTotals } from './kill-loop.ts';
import { BLOCK_BYTES, BLOCK_COUNT } from './soak-request.ts';

const options = yargs(process.argv.slice(2))
  .scriptName('soak')
  .option('kills', { type: 'number', default: 100, describe: 'number of kills' })
  .option('policy', { type: 'string', default: 'writeback', describe: policyNames().join(', ') })
  .option('clients', {
    type: 'number',
    default: 0,
    describe: 'kill `cowbench serve` under this many clients; 0: kill a process that writes itself',
  })
  .option('seed', { type: 'number', default: 1, describe: 'the same seed gives the same requests' })
  .option('dir', {
    type: 'string',
    default: os.tmpdir(),
    describe: 'directory for the image, which is removed afterwards',
  })
  .option('quiet', { type: 'boolean', alias: 'q', default: false, describe: 'no progress on stderr' })
  .strict()
  .fail((message, error) => fail(error ?? new UsageError(message)))
  .parseSync();

function fail(error: unknown): never {
  console.error(describeFailure(error).message);
  process.exit(EXIT_CODES.error);
}

function outcome({ kills, requests, flushes, maxLeaks, reusedBlocks }: SoakTotals): string {
  const done = `${kills} kills, ${requests} requests, ${flushes} flushes`;
  const leaks = `no corruption, at most ${maxLeaks} clusters leaked`;
  if (reusedBlocks === 0) return `${done}; nothing flushed was lost, ${leaks}`;
  const times = reusedBlocks === 1 ? 'once a block' : `${reusedBlocks} times a block`;
  return `${done}; ${times} held another block's data: a discarded cluster was reused before its discard was durable (docs/safety.md); nothing else flushed was lost, ${leaks}`;
}

/** Of one core of a server processor, 20 kills: 8.8 seconds; what the disk waits for its syncs comes on top. */
const MS_PER_KILL = 450;

function soakCost(kills: number, dir: string): string {
  // Once the disk, and as much again for tables and leaked clusters.
  const disk = diskWords(2 * BLOCK_BYTES * BLOCK_COUNT, dir);
  return costLine({
    ms: sharedMs(kills, MS_PER_KILL, 1),
    work: `${kills} kills at ${MS_PER_KILL} ms, and the syncs of the disk`,
    disk,
  });
}

/** Returns the exit code. */
async function soak(): Promise<number> {
  const { kills, seed, policy, clients, quiet } = options;
  if (!Number.isSafeInteger(kills) || kills < 1) throw new UsageError(`--kills ${kills}: not a whole number from 1 on`);
  if (!Number.isSafeInteger(seed)) throw new UsageError(`--seed ${seed}: not a whole number`);
  if (!Number.isSafeInteger(clients) || clients < 0 || clients > 64)
    throw new UsageError(`--clients ${clients}: not a whole number from 0 to 64`);
  findPolicy(policy);
  if (!fs.existsSync(options.dir)) throw new UsageError(`--dir ${options.dir}: there is no such folder`);
  const folder = fs.mkdtempSync(path.join(options.dir, 'cowbench-'));
  const imagePath = path.join(folder, 'soak.qcow2');
  const interruption = new Interruption();
  let keep = false;
  if (!quiet) console.error(soakCost(kills, options.dir));
  try {
    const totals = await killLoop({
      imagePath,
      policy,
      kills,
      seed,
      clients,
      signal: interruption.signal,
      onKill: (kill, { requests, flushes }) => {
        if (process.stderr.isTTY && !quiet)
          process.stderr.write(`\r${kill} of ${kills} kills, ${requests} requests, ${flushes} flushes`);
      },
    });
    if (process.stderr.isTTY && !quiet) process.stderr.write('\n');
    console.log(`${policy}, seed ${seed}: ${outcome(totals)}`);
    return interruption.exitCode ?? (totals.reusedBlocks > 0 ? EXIT_CODES.finding : EXIT_CODES.ok);
  } catch (error) {
    if (!(error instanceof SoakFinding) && !(error instanceof Qcow2Error)) throw error;
    keep = true;
    console.error(`${policy}, seed ${seed}: ${error.message}; the image is kept: ${imagePath}`);
    return EXIT_CODES.finding;
  } finally {
    interruption.release();
    if (!keep) fs.rmSync(folder, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await soak();
} catch (error) {
  fail(error);
}

/**
 * One safety record, made at once and split: the pages must be the same to the byte.
 * `npm run safety:split -- shards 7 WORDS…`: by shards without a server.
 * `npm run safety:split -- workers 2 WORDS…`: through the queue, by one worker and by two, each on one core, and their times.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { CLI, temporaryFolder } from '../../testing/command.ts';
import { TestFleet } from './test-fleet.ts';

/** About two minutes of one core. Without the peer: two recordings of QEMU need not be the same. */
const DEFAULT_WORDS = ['--length', '1', '--policy', 'ordered,writeback', '--cluster-size', '512', '--no-qemu-peer'];
/** Of the queue: several for each worker, as they are not equally long. */
const QUEUED_SHARDS = 16;

const [kind = 'workers', count = '2', ...given] = process.argv.slice(2);
const words = given.length > 0 ? given : DEFAULT_WORDS;
const folder = temporaryFolder();

async function cowbench(asked: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const options = { env: { ...process.env, ...env }, maxBuffer: 2 ** 26 };
  return (await promisify(execFile)(process.execPath, [CLI, ...asked], options)).stdout;
}

/** A thread of JavaScript has others that collect its garbage: a worker is a machine of one core only where all of them share one. */
async function onCore(core: number, asked: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const words = ['-c', String(core), process.execPath, CLI, ...asked];
  await promisify(execFile)('taskset', words, { env: { ...process.env, ...env } });
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

async function pageOfParts(files: readonly string[]): Promise<string> {
  const out = path.join(folder, 'merged.md');
  await cowbench(['safety', '--merge', ...files, '--out', out]);
  return fs.readFileSync(out, 'utf8');
}

/** Says which lines differ: pages are long. */
function assertPage(merged: string, by: string): void {
  const [ours, theirs] = [page, merged].map((text) => text.split('\n')) as [string[], string[]];
  const place = ours.findIndex((line, index) => line !== theirs[index]);
  assert.ok(merged === page, `${by}: another page: line ${place + 1} is\n${theirs[place]}\nand not\n${ours[place]}`);
}

async function byShards(shards: number): Promise<void> {
  const files: string[] = [];
  for (let index = 1; index <= shards; index++) {
    files.push(path.join(folder, `part-${index}.json`));
    await cowbench(['safety', ...words, '--quiet', '--shard', `${index}/${shards}`, '--out', files.at(-1)!]);
  }
  assertPage(await pageOfParts(files), `${shards} shards`);
  console.log(`${shards} shards, merged: the page of the whole record, ${page.length} characters`);
}

/** The seconds that `workers` take for all of it. */
async function byWorkers(fleet: TestFleet, workers: number): Promise<number> {
  await fleet.renew(`workers_${workers}`);
  const env = fleet.variables;
  const said = await cowbench(['submit', 'safety', ...words, '--shards', String(QUEUED_SHARDS)], env);
  const [, work] = /fleet --parts (\S+)/.exec(said)!;
  const dirs = Array.from({ length: workers }, (_, place) => fleet.dirOf(`worker-${workers}-${place}`));
  const start = (dir: string, core: number) =>
    onCore(core, ['worker', '--dir', dir, '--threads', '1', '--until-empty', '-q'], env);
  const taken = await seconds(() => Promise.all(dirs.map(start)));
  const out = fleet.dirOf(`parts-${workers}`);
  await cowbench(['fleet', '--parts', work!, '--out', out], env);
  assertPage(await pageOfParts(fs.readdirSync(out).map((file) => path.join(out, file))), `${workers} workers`);
  console.log(
    `${workers} ${workers === 1 ? 'worker' : 'workers'}: ${taken.toFixed(1)} s, and the page of the whole record`,
  );
  return taken;
}

let page: string;
const whole = path.join(folder, 'whole.md');
const fleet = kind === 'workers' ? new TestFleet() : null;
try {
  const taken = await seconds(() => cowbench(['safety', ...words, '--quiet', '--out', whole]));
  page = fs.readFileSync(whole, 'utf8');
  console.log(`safety ${words.join(' ')}, at once: ${taken.toFixed(1)} s`);
  if (fleet === null) await byShards(Number(count));
  else {
    await fleet.server.start();
    const [one, several] = [await byWorkers(fleet, 1), await byWorkers(fleet, Number(count))];
    console.log(`${count} workers take ${(several / one).toFixed(2)} of the time of one`);
  }
} finally {
  fs.rmSync(folder, { recursive: true });
  fleet?.killAll();
  await fleet?.remove();
}

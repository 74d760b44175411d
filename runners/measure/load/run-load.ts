/**
 * Loads servers in turns: in each round every server is warmed up and does every job, on an image that is fresh for the round. Counts come from one more
 * pass under strace, in which nothing is timed.
 */
import fs from 'node:fs';
import path from 'node:path';
import { createImage, openFile } from '../../../engine/index.ts';
import type { LoadRecord, LoadResult } from '../../../results/load-record.ts';
import { median } from '../../../results/statistics.ts';
import { describeEnvironment } from '../../machine/environment.ts';
import { nullCommand } from '../../nbd/command.ts';
import { ServerProcess } from '../../nbd/server-process.ts';
import { addCalls, countSystemCalls, noCalls } from '../../qemu/system-calls.ts';
import type { ServerEngine } from '../plan/engines.ts';
import { loadCost } from './expected-load.ts';
import { type FioJob, type FioResult, runFio } from './fio.ts';
import { commitJobs, diskBytes, plainJobs, warmUp } from './jobs.ts';
import type { LoadPlan } from './load-plan.ts';

/** Where the lines of a run go. */
export interface LoadWords {
  /** What the run will cost, before anything is loaded. */
  readonly say: (line: string) => void;
  /** What is under way. */
  readonly show: (line: string) => void;
}

/** @throws UsageError for servers that cannot be used; the reason of `signal` once it is aborted. */
export async function runLoad(plan: LoadPlan, signal: AbortSignal, { say, show }: LoadWords): Promise<LoadRecord> {
  const startedAt = new Date().toISOString();
  const environment = describeEnvironment(plan.directory);
  const jobs = [...plainJobs(plan), ...commitJobs(plan)];
  say(loadCost(plan, environment.syncProbe?.medianNs ?? null));
  const folder = fs.mkdtempSync(path.join(plan.directory, 'cowbench-'));
  const timed = new Map<string, FioResult[]>();
  try {
    for (let round = 0; round < plan.rounds; round++) {
      for (const server of plan.servers) {
        show(`round ${round + 1} of ${plan.rounds}: ${server.name}`);
        await onServer(plan, server, folder, false, async (uri) => {
          await runFio(uri, warmUp(plan), signal);
          for (const job of jobs) push(timed, keyOf(server, job), await runFio(uri, job, signal));
        });
      }
    }
    const syncs = await countSyncs(plan, folder, signal, show);
    const results = jobs.flatMap((job) =>
      plan.servers.map((server) => resultOf(server, job, timed.get(keyOf(server, job))!, syncs)),
    );
    const { rounds, commits, reference, command } = plan;
    const kind = { document: 'cowbench-load', schemaVersion: 1 } as const;
    return { ...kind, startedAt, command: [...command], rounds, commits, environment, reference, results };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function countSyncs(plan: LoadPlan, folder: string, signal: AbortSignal, show: (line: string) => void) {
  const found = new Map<string, number>();
  for (const server of plan.servers) {
    if (server.command === null) continue;
    for (const job of commitJobs(plan)) {
      show(`counting: ${server.name}, ${job.name}`);
      let flushes = 0;
      const syncs = await onServer(plan, server, folder, true, async (uri) => {
        flushes = (await runFio(uri, job, signal)).flushes;
      });
      found.set(keyOf(server, job), syncs / flushes);
    }
  }
  return found;
}

/** Runs `work` on a server of a new image; returns the syncs of the image, 0 when it is not traced. */
async function onServer(
  plan: LoadPlan,
  { name, command }: ServerEngine,
  folder: string,
  traced: boolean,
  work: (uri: string) => Promise<void>,
): Promise<number> {
  const imagePath = path.join(folder, 'disk.qcow2');
  fs.rmSync(imagePath, { force: true });
  const sizeBytes = diskBytes(plan);
  const file = openFile(imagePath, { create: true });
  createImage(file, { sizeBytes });
  file.sync('other');
  file.close();
  const server = await ServerProcess.start({ name, command: command ?? nullCommand(sizeBytes), imagePath, traced });
  const calls = noCalls();
  try {
    await work(server.uri);
    await server.end(async (traceFile) => {
      for (const part of await countSystemCalls(traceFile)) addCalls(calls, part);
    });
    return calls.fsyncs;
  } catch (error) {
    await server.kill();
    throw error;
  }
}

function resultOf(
  server: ServerEngine,
  job: FioJob,
  results: readonly FioResult[],
  syncs: ReadonlyMap<string, number>,
): LoadResult {
  const of = (value: (result: FioResult) => number) => median(results.map(value));
  return {
    job: job.name,
    server: server.name,
    clients: job.clients,
    bytesPerSecond: of(({ bytesPerSecond }) => bytesPerSecond),
    requestsPerSecond: of(({ requestsPerSecond }) => requestsPerSecond),
    slowestPerSecond: Math.min(...results.map(({ requestsPerSecond }) => requestsPerSecond)),
    fastestPerSecond: Math.max(...results.map(({ requestsPerSecond }) => requestsPerSecond)),
    medianUs: of(({ medianUs }) => medianUs),
    p99Us: of(({ p99Us }) => p99Us),
    syncsPerFlush: syncs.get(keyOf(server, job)) ?? null,
  };
}

function keyOf({ name }: ServerEngine, job: FioJob): string {
  return `${name}\n${job.name}`;
}

function push(into: Map<string, FioResult[]>, key: string, result: FioResult): void {
  into.set(key, [...(into.get(key) ?? []), result]);
}

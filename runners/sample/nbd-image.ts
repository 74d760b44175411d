/** The image that a server under test is given, in the format that its command asks for, and what it holds afterwards. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { Qcow2Error } from '../../engine/index.ts';
import type { Verification } from '../../results/record.ts';
import type { Workload } from '../../workloads/workload.ts';
import type { ServedFormat } from '../nbd/command.ts';
import { ServerProcess } from '../nbd/server-process.ts';
import { toolVersion } from '../qemu/tools.ts';
import type { Expectation } from './expectation.ts';
import type { NbdSampleJob, OwnSampleJob, ReportProgress } from './job.ts';
import { openBacking, prepareImage, withBacking } from './prepare.ts';
import { preparationJob } from './qemu-sample.ts';
import { compare, verify } from './verify.ts';

/** Makes the image anew; returns how many requests its preparation took. */
export async function prepareServed(
  job: NbdSampleJob,
  workload: Workload,
  expectation: Expectation,
  progress: ReportProgress,
): Promise<number> {
  const { imageFile, cell } = job;
  // Not over an earlier image: its blocks would be used again, which other samples do not have.
  fs.rmSync(imageFile, { force: true });
  const prepared = await prepareImage(ownJob(job), workload, expectation, progress);
  if (cell.format !== 'qcow2' && cell.format !== 'raw') convert(imageFile, cell.format);
  return prepared;
}

/** Compares what the guest would read with the model, and has the image checked where there is a checker for its format. */
export async function verifyServed(
  job: NbdSampleJob,
  workload: Workload,
  { disk: expected }: Expectation,
  pause: () => Promise<void>,
): Promise<Verification> {
  const { imageFile, cell, traced } = job;
  if (cell.format !== 'qcow2' && cell.format !== 'raw') return verifyByServer(job, expected, pause);
  const backing = openBacking(ownJob(job), workload);
  try {
    return await verify(imageFile, expected, cell.format === 'raw' ? 'raw' : withBacking(backing), traced, pause);
  } finally {
    backing?.close();
  }
}

/** A format that only the server knows is read through it, started again. */
async function verifyByServer(
  job: NbdSampleJob,
  expected: Expectation['disk'],
  pause: () => Promise<void>,
): Promise<Verification> {
  const { imageFile, cell, traced } = job;
  const check = checkForeign(imageFile, cell.format);
  const { name, command } = cell;
  const server = await ServerProcess.start({ name, command: command!, imagePath: imageFile, traced: false });
  try {
    const { client } = server;
    const disk = {
      read: (offset: number, into: Uint8Array) => client.read(offset, into),
      // Nothing is known of how it is stored: all of it is read.
      map: (offset: number, lengthBytes: number) =>
        ({ offset, lengthBytes, stored: 'data', hostOffset: null }) as const,
    };
    const content = await compare(disk, expected, traced, pause);
    await server.end();
    return { ...content, ...check };
  } catch (error) {
    await server.kill();
    throw error;
  }
}

/** Exit codes of `qemu-img check`: 2 corruptions, 3 leaks, 63 no checker for the format. */
function checkForeign(imageFile: string, format: ServedFormat): Pick<Verification, 'check' | 'leaks' | 'corruptions'> {
  const { status, stdout } = spawnSync('qemu-img', ['check', '-f', format, '--output=json', imageFile], {
    encoding: 'utf8',
  });
  if (status !== 0 && status !== 2 && status !== 3) return { check: 'not-run', leaks: 0, corruptions: 0 };
  const { leaks = 0, corruptions = 0 } = JSON.parse(stdout) as { leaks?: number; corruptions?: number };
  return { check: status === 2 ? 'corrupt' : status === 3 ? 'leaks' : 'clean', leaks, corruptions };
}

function convert(imageFile: string, format: ServedFormat): void {
  toolVersion('qemu-img');
  const made = `${imageFile}.${format}`;
  const words = ['convert', '-q', '-f', 'qcow2', '-O', format, imageFile, made];
  const { status, stderr, error } = spawnSync('qemu-img', words, { encoding: 'utf8' });
  if (status !== 0) {
    fs.rmSync(made, { force: true });
    const why = error?.message ?? stderr.trim().split('\n')[0];
    throw new Qcow2Error('UNSUPPORTED', `qemu-img cannot make an image in the format ${format}: ${why}`);
  }
  fs.renameSync(made, imageFile);
}

/** The job by which our own engine makes the image that every cell starts from. */
function ownJob(job: NbdSampleJob): OwnSampleJob {
  const { clusterSizeBytes, version, format } = job.cell;
  const mode = { hostCacheMode: 'writeback', clusterSizeBytes } as const;
  if (format === 'raw') return { ...job, cell: { ...mode, raw: 'sparse' } };
  return preparationJob({ ...job, cell: { ...mode, version } });
}

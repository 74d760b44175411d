/** One job of fio on an NBD server, and what came of it. */
import { spawn } from 'node:child_process';
import { z } from 'zod';
import { UsageError } from '../../console/errors.ts';

export interface FioJob {
  readonly name: string;
  /** Options of fio by name. */
  readonly options: Readonly<Record<string, string | number>>;
  /** Clients at a time. */
  readonly clients: number;
}

export interface FioResult {
  readonly bytesPerSecond: number;
  readonly requestsPerSecond: number;
  /** Of requests; of flushes where the job flushes. */
  readonly medianUs: number;
  readonly p99Us: number;
  readonly flushes: number;
}

const Latency = z.object({ percentile: z.record(z.string(), z.number()).optional() });
const Side = z.object({ bw_bytes: z.number(), iops: z.number(), io_bytes: z.number(), clat_ns: Latency });
const Output = z.object({
  jobs: z
    .array(z.object({ read: Side, write: Side, sync: z.object({ total_ios: z.number(), lat_ns: Latency.optional() }) }))
    .min(1),
});

/** @throws UsageError when fio is not there or fails. */
export async function runFio(uri: string, { name, options, clients }: FioJob, signal: AbortSignal): Promise<FioResult> {
  const words = Object.entries({ ...options, numjobs: clients }).map(([option, given]) => `--${option}=${given}`);
  const fixed = ['--ioengine=nbd', `--uri=${uri}`, '--thread', '--group_reporting', '--output-format=json'];
  const text = await outputOf(['--name=load', ...fixed, ...words], name, signal);
  const { read, write, sync } = Output.parse(JSON.parse(text.slice(text.indexOf('{')))).jobs[0]!;
  const side = read.io_bytes > write.io_bytes ? read : write;
  const latency = sync.total_ios > 0 && sync.lat_ns !== undefined ? sync.lat_ns : side.clat_ns;
  return {
    bytesPerSecond: side.bw_bytes,
    requestsPerSecond: side.iops,
    medianUs: (latency.percentile?.['50.000000'] ?? 0) / 1000,
    p99Us: (latency.percentile?.['99.000000'] ?? 0) / 1000,
    flushes: sync.total_ios,
  };
}

function outputOf(words: readonly string[], name: string, signal: AbortSignal): Promise<string> {
  const child = spawn('fio', words, { stdio: ['ignore', 'pipe', 'pipe'], signal });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (piece) => (stdout += piece));
  child.stderr.on('data', (piece) => (stderr += piece));
  return new Promise((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) reject(signal.reason);
      else if (error.code === 'ENOENT') reject(new UsageError('load needs fio, which is not installed'));
      else reject(error);
    });
    child.on('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new UsageError(`${name}: fio failed: ${stderr.trim().split('\n')[0] ?? `exit code ${code}`}`));
    });
  });
}

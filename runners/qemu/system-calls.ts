/**
 * Reads what strace wrote and counts operations on the image file, request by request.
 *
 * strace shows only calls on the image and on the pipe of answers. The prompt that ends each answer of qemu-io
 * is itself a traced call, so it divides the log exactly: every call before it belongs to the request that it answers.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import readline from 'node:readline';
import { Qcow2Error } from '../../engine/index.ts';
import type { IoCounts } from '../../results/record.ts';

/** Operations on the image file; only those that succeeded. `fallocates` makes ranges zero or gives them back. */
export interface SystemCallCounts extends IoCounts {
  fallocates: number;
  truncates: number;
}

export function noCalls(): SystemCallCounts {
  return {
    ...{ fsyncs: 0, odsyncWrites: 0, writes: 0, writeBytes: 0, reads: 0, readBytes: 0 },
    ...{ fallocates: 0, truncates: 0 },
  };
}

/** Adds `more` to `sum`. */
export function addCalls(sum: SystemCallCounts, more: SystemCallCounts): void {
  for (const name of Object.keys(sum) as (keyof SystemCallCounts)[]) sum[name] += more[name];
}

const READS = ['pread64', 'preadv', 'preadv2', 'readv'];
const WRITES = ['pwrite64', 'pwritev', 'pwritev2', 'writev'];
const SYNCS = ['fdatasync', 'fsync'];
/** `write` and `read` for the prompt, and because nothing that reaches the image may be missed. */
const CALLS = [...READS, 'read', ...WRITES, 'write', ...SYNCS, 'fallocate', 'ftruncate'];

/** Words before a program's own that make strace write its calls on `paths` (without links in them) to `log`. */
export function straceWords(paths: readonly string[], log: string): string[] {
  const watched = paths.flatMap((path) => ['-P', path]);
  return ['strace', '-f', '-q', '-s', '16', '--seccomp-bpf', '-e', `trace=${CALLS.join(',')}`, '-o', log, ...watched];
}

/** @throws Qcow2Error UNSUPPORTED when this machine lets no process be traced. */
export function checkTracing(): void {
  const { status, stderr } = spawnSync('strace', ['-f', '-q', '-o', '/dev/null', 'true'], { encoding: 'utf8' });
  if (status === 0) return;
  const reason = stderr.trim().split('\n')[0] ?? '';
  throw new Qcow2Error(
    'UNSUPPORTED',
    `strace cannot trace a program here (${reason}), so qemu's work cannot be counted`,
  );
}

/** Exits, signals, and the calls in which threads of an ending process were caught: strace cannot name those. */
const NO_CALL = /^\d+ +(?:\+\+\+|---|\?\?\?\(|<\.\.\. \?\?\? resumed)/;
const CALL = /^(\d+) +(\w+)\((\d+)(.*)$/;
const RESUMED = /^(\d+) +<\.\.\. (\w+) resumed>/;
const RESULT = / = (-?\d+)[^=]*$/;

interface Call {
  readonly name: string;
  readonly descriptor: number;
}

/**
 * Counts of the log, one element for each prompt and one for what came after the last.
 * @throws Qcow2Error IO for a line that cannot be read as a call.
 */
export async function countSystemCalls(log: string): Promise<SystemCallCounts[]> {
  const parts = [noCalls()];
  const unfinished = new Map<string, Call>();
  for await (const line of readline.createInterface({ input: fs.createReadStream(log), crlfDelay: Infinity })) {
    const ended = endedCall(line, unfinished);
    if (ended === null) continue;
    if (ended.descriptor === 1 && ended.name === 'write') {
      parts.push(noCalls());
    } else {
      count(parts.at(-1)!, ended);
    }
  }
  return parts;
}

/** The call that ends on this line; null when none does. */
function endedCall(line: string, unfinished: Map<string, Call>): (Call & { result: number }) | null {
  if (NO_CALL.test(line)) return null;
  const [, thread, name, descriptor] = CALL.exec(line) ?? RESUMED.exec(line) ?? [];
  if (thread === undefined) throw new Qcow2Error('IO', `strace wrote a line that is no system call: ${line}`);
  const call = descriptor === undefined ? unfinished.get(thread)! : { name: name!, descriptor: Number(descriptor) };
  if (line.endsWith('<unfinished ...>')) {
    unfinished.set(thread, call);
    return null;
  }
  const result = RESULT.exec(line)?.[1];
  // A call that its process did not live to see return.
  if (result === undefined) return null;
  return { ...call, result: Number(result) };
}

function count(into: SystemCallCounts, { name, result }: Call & { result: number }): void {
  if (result < 0) return;
  if (WRITES.includes(name) || name === 'write') {
    into.writes++;
    into.writeBytes += result;
  } else if (READS.includes(name) || name === 'read') {
    into.reads++;
    into.readBytes += result;
  } else if (SYNCS.includes(name)) {
    into.fsyncs++;
  } else if (name === 'fallocate') {
    into.fallocates++;
  } else {
    into.truncates++;
  }
}

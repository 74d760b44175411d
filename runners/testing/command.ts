/** Runs the real command line in a process of its own, for tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { RunRecord } from '../../results/record.ts';

export const CLI = path.join(import.meta.dirname, '../cli.ts');
/** Far above what any of these takes; a hang must end the test, not the patience. */
const LIMIT_MS = 120_000;

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `cowbench WORDS`; `finished` resolves when it has ended. */
export function startCowbench(
  words: readonly string[],
  env?: NodeJS.ProcessEnv,
): { process: ChildProcess; finished: Promise<Finished> } {
  return startProgram(process.execPath, [CLI, ...words], env);
}

export function startProgram(
  program: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): { process: ChildProcess; finished: Promise<Finished> } {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT_MS, env });
  const { promise, resolve, reject } = Promise.withResolvers<Finished>();
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (text) => (stdout += text));
  child.stderr!.on('data', (text) => (stderr += text));
  child.on('error', reject);
  child.on('close', (code) => resolve({ code, stdout, stderr }));
  return { process: child, finished: promise };
}

export function cowbench(...words: string[]): Promise<Finished> {
  return startCowbench(words).finished;
}

/**
 * The words of a small bench whose images and records go below `folder`; `own` options take the place of its own. A null
 * value leaves an option out.
 */
export function smallBench(
  folder: string,
  own: Readonly<Record<string, string | null>> = {},
  ...flags: string[]
): string[] {
  const images = path.join(folder, 'images');
  fs.mkdirSync(images, { recursive: true });
  const options = {
    workload: 'install-burst',
    data: '2M',
    rounds: '0',
    dir: images,
    out: path.join(folder, 'runs'),
    ...own,
  };
  const words = Object.entries(options).flatMap(([name, value]) => (value === null ? [] : [`--${name}`, value]));
  return ['bench', ...words, ...flags];
}

/** The record on stdout, validated. */
export function recordOf({ stdout }: Finished): RunRecord {
  return RunRecord.parse(JSON.parse(stdout));
}

/** Every path below `folder`, relative to it, folders left out. */
export function filesBelow(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}

export function temporaryFolder(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
}

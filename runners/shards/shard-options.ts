/** The options of commands whose work can be done in shards. */
import fs from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { integer, type OptionText, single } from '../console/option-values.ts';
import { type Shard, shardOf } from './shard.ts';

export const SHARD_OPTIONS = {
  shard: { ...value('I/N'), describe: 'do one share of the work, number I of N; --out takes its result' },
  merge: { ...value('FILE…'), array: true, describe: 'put the results of all shards together instead' },
} as const;

/** Several processes on one machine each take some of its cores. */
export const THREADS_OPTION = { ...value('N'), describe: 'threads [default: one for each core]' } as const;

/** What `--threads` asks for. Throws UsageError. */
export function threadsOf({ threads }: Readonly<Record<string, unknown>>): number {
  if (threads === undefined) return availableParallelism();
  return integer('threads', single('threads', threads as OptionText), 1, 256);
}

/** What `--shard` and `--merge` ask for: a share, the files to merge, or neither. Throws UsageError. */
export type ShardChoice =
  | { readonly kind: 'all' }
  | { readonly kind: 'shard'; readonly shard: Shard }
  | { readonly kind: 'merge'; readonly files: readonly string[] };

export function shardChoice(options: Readonly<Record<string, unknown>>): ShardChoice {
  const { shard, merge } = options;
  if (shard !== undefined && merge !== undefined) throw new UsageError('--shard and --merge cannot be combined');
  if (shard !== undefined) {
    if (options.out === undefined) throw new UsageError('--shard needs --out: the file that takes the result');
    return { kind: 'shard', shard: shardOf(single('shard', shard as OptionText)) };
  }
  return merge === undefined ? { kind: 'all' } : { kind: 'merge', files: merge as readonly string[] };
}

/** Before the long work, not after it. Throws UsageError. */
export function requireWritable(out: string): void {
  try {
    fs.accessSync(path.dirname(out), fs.constants.W_OK);
    if (fs.existsSync(out)) fs.accessSync(out, fs.constants.W_OK);
  } catch {
    throw new UsageError(`--out ${out}: cannot be written`);
  }
}

/** Throws UsageError for an option of the plan that is not at its default: the files have the plan. */
export function requireDefaults(
  options: Readonly<Record<string, unknown>>,
  declared: Readonly<Record<string, object & { readonly default?: unknown }>>,
  names: readonly string[],
): void {
  const given = names.find((name) => options[name] !== declared[name]!.default);
  if (given !== undefined) throw new UsageError(`--merge takes the plan from its files: leave out --${given}`);
}

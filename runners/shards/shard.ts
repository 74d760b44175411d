/**
 * Work in shards: any number of machines without a server each do a share of a list of parts. The names of the parts alone decide
 * which shard has which, so that shards need not talk to each other.
 */
import { createHash } from 'node:crypto';
import { UsageError } from '../console/errors.ts';

export interface Shard {
  /** From 1. */
  readonly index: number;
  readonly count: number;
}

/** More shards than this have less to do than it costs to start them. */
export const MOST_SHARDS = 10_000;

/** The shard that `--shard I/N` names. Throws UsageError. */
export function shardOf(text: string): Shard {
  const [, index = 0, count = 0] = (/^(\d{1,5})\/(\d{1,5})$/.exec(text) ?? []).map(Number);
  if (count < 1 || count > MOST_SHARDS) {
    throw new UsageError(`--shard "${text}": expected I/N, such as 1/7, with N from 1 to ${MOST_SHARDS}`);
  }
  if (index < 1 || index > count) {
    throw new UsageError(`--shard "${text}": shards of ${count} are numbered from 1/${count} to ${count}/${count}`);
  }
  return { index, count };
}

export function shardWords({ index, count }: Shard): string {
  return `${index}/${count}`;
}

/**
 * Those of `names` that the shard does. Neighbours in a list cost alike and a stride would meet the same kind each time, so they are
 * dealt out in the order of their hashes.
 */
export function shareOf(names: readonly string[], { index, count }: Shard): Set<string> {
  const hashed = names.map((name) => ({ name, hash: createHash('sha256').update(name).digest('hex') }));
  const dealt = hashed.sort((a, b) => (a.hash < b.hash ? -1 : 1)).map(({ name }) => name);
  return new Set(dealt.filter((_, place) => place % count === index - 1));
}

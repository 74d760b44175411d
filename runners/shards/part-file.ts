/**
 * The file that a shard leaves: the plan, the program, and the result of each of its parts. Files may come from anywhere, so everything
 * in them is checked before it is used: that they fit together here, what a result may be by the command that made it.
 */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { RunRecord } from '../../results/record.ts';
import { readableText, writeWhole } from '../../results/store.ts';
import { oneLine, UsageError } from '../console/errors.ts';
import { MOST_SHARDS, type Shard, shardWords } from './shard.ts';

const MOST_BYTES = 256 * 1024 * 1024;

const label = z.string().max(4096);

const PartFile = z.strictObject({
  format: z.literal('cowbench-part-1'),
  kind: label,
  shard: z.strictObject({ index: z.int().min(1).max(MOST_SHARDS), count: z.int().min(1).max(MOST_SHARDS) }),
  program: z.strictObject({ version: label, commit: label.nullable(), dirty: z.boolean(), changes: label.optional() }),
  plan: z.unknown(),
  parts: z.array(z.tuple([label, z.unknown()])),
});
type PartFile = z.infer<typeof PartFile>;

/** What parts must agree on to be of one work. */
export interface PartsOf<Plan> {
  /** The command. */
  readonly kind: string;
  readonly program: RunRecord['source'];
  readonly plan: Plan;
}

export interface MergeRules<Plan> {
  readonly kind: string;
  /** The program that merges: results of another are not understood. */
  readonly program: RunRecord['source'];
  readonly plan: z.ZodType<Plan>;
  /** The names of the parts that a shard does; `parts` is how many its file has, where that is not known before. */
  shareOf(plan: Plan, shard: Shard, parts: number): ReadonlySet<string>;
}

export interface MergedParts<Plan> {
  readonly plan: Plan;
  /** Values are as the files have them: not checked. */
  readonly parts: ReadonlyMap<string, unknown>;
}

/** Throws UsageError where parts could not be matched, as nobody knows which program made them. */
export function requireKnownProgram({ problem }: RunRecord['source']): void {
  if (problem === undefined) return;
  throw new UsageError(`--shard: which commit makes this part is not known, so it could not be matched: ${problem}`);
}

/** Writes the file of `shard`, durable and whole; `parts` are by name and plain JSON. Throws RecordError. */
export function writePartFile<Plan>(
  file: string,
  shard: Shard,
  of: PartsOf<Plan>,
  parts: ReadonlyMap<string, unknown>,
): void {
  writeWhole(file, partText(shard, of, parts));
}

/** What that file holds. */
export function partText<Plan>(
  shard: Shard,
  { kind, program, plan }: PartsOf<Plan>,
  parts: ReadonlyMap<string, unknown>,
): string {
  const document: PartFile = { format: 'cowbench-part-1', kind, shard, program, plan, parts: [...parts].sort(byName) };
  return `${JSON.stringify(document)}\n`;
}

/** The order in which they were finished says nothing. */
function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1;
}

/**
 * All parts of one work, from the files of all its shards, in any order.
 * @throws UsageError naming the file, and what is missing, double or different.
 */
export function mergePartFiles<Plan>(files: readonly string[], rules: MergeRules<Plan>): MergedParts<Plan> {
  const read = files.map((file) => ({ file, part: readPartFile(file, rules.kind) }));
  const [first] = read;
  if (first === undefined) throw new UsageError('--merge: name the files of all shards');
  const { program } = rules;
  if (!isDeepStrictEqual(first.part.program, { ...program })) {
    const made = programWords(first.part.program);
    throw new UsageError(
      `${first.file} was made by ${made}, and this is ${programWords(program)}: merge with the same`,
    );
  }
  requireOneWork(read);
  requireEachShardOnce(read);
  const plan = rules.plan.safeParse(first.part.plan);
  if (!plan.success) throw new UsageError(`${first.file}: plan: ${issueWords(plan.error)}`);
  for (const { file, part } of read) requireShare(file, part, rules.shareOf(plan.data, part.shard, part.parts.length));
  return { plan: plan.data, parts: new Map(read.flatMap(({ part }) => part.parts)) };
}

/** Throws UsageError naming the part whose value is not what `schema` says. */
export function checkedValue<Value>(name: string, value: unknown, schema: z.ZodType<Value>): Value {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UsageError(`--merge: part "${oneLine(name)}": ${issueWords(parsed.error)}`);
}

interface ReadPart {
  readonly file: string;
  readonly part: PartFile;
}

function readPartFile(file: string, kind: string): PartFile {
  let document: unknown;
  try {
    document = JSON.parse(readableText(file, MOST_BYTES));
  } catch (error) {
    if (error instanceof SyntaxError) throw new UsageError(`${file}: not the file of a shard: not a JSON document`);
    throw error;
  }
  const parsed = PartFile.safeParse(document);
  if (!parsed.success) throw new UsageError(`${file}: not the file of a shard: ${issueWords(parsed.error)}`);
  const part = parsed.data;
  if (part.kind !== kind) throw new UsageError(`${file}: a part of ${oneLine(part.kind)}, not of ${kind}`);
  return part;
}

function requireOneWork(read: readonly ReadPart[]): void {
  const [first, ...others] = read as [ReadPart, ...ReadPart[]];
  for (const { file, part } of others) {
    const pair = `${file} and ${first.file}`;
    if (!isDeepStrictEqual(part.program, first.part.program)) {
      const [one, other] = [part, first.part].map(({ program }) => programWords(program));
      throw new UsageError(`${pair} were made by different programs: ${one} and ${other}`);
    }
    if (!isDeepStrictEqual(part.plan, first.part.plan)) {
      throw new UsageError(`${pair} are of different plans: ${differenceWords(part.plan, first.part.plan)}`);
    }
    const [one, other] = [part.shard.count, first.part.shard.count];
    if (one !== other) throw new UsageError(`${pair} are of different splits: ${one} and ${other} shards`);
  }
}

function requireEachShardOnce(read: readonly ReadPart[]): void {
  const byIndex = new Map<number, string>();
  for (const { file, part } of read) {
    const { index } = part.shard;
    const known = byIndex.get(index);
    if (known !== undefined) throw new UsageError(`${file} and ${known} are both shard ${shardWords(part.shard)}`);
    byIndex.set(index, file);
  }
  const { count } = read[0]!.part.shard;
  const missing = Array.from({ length: count }, (_, place) => place + 1).filter((index) => !byIndex.has(index));
  if (missing.length === 0) return;
  const shown = missing.slice(0, 10).join(', ') + (missing.length > 10 ? ', …' : '');
  throw new UsageError(
    `--merge: ${missing.length === 1 ? 'shard' : 'shards'} ${shown} of ${count} ${missing.length === 1 ? 'is' : 'are'} missing`,
  );
}

/** A file must have the parts of its shard, each of them once, and no other. */
function requireShare(file: string, { parts }: PartFile, share: ReadonlySet<string>): void {
  const open = new Set(share);
  for (const [name] of parts) {
    if (!open.delete(name)) throw new UsageError(`${file}: "${oneLine(name)}" is not a part of it, or is there twice`);
  }
  const [missing] = open;
  if (missing !== undefined) throw new UsageError(`${file}: part "${missing}" is missing`);
}

function programWords({ version, commit, changes }: PartFile['program'] | RunRecord['source']): string {
  if (commit === null) return `version ${oneLine(version)}`;
  return `commit ${oneLine(commit.slice(0, 12))}${changes === undefined ? '' : ` with changes ${oneLine(changes)}`}`;
}

/** The first member of two plans that differs, in one line. */
function differenceWords(ours: unknown, theirs: unknown): string {
  const members = (plan: unknown) => new Map(Object.entries((plan ?? {}) as object));
  const [one, other] = [members(ours), members(theirs)];
  const name = [...one.keys(), ...other.keys()].find((key) => !isDeepStrictEqual(one.get(key), other.get(key)));
  if (name === undefined) return 'no plan';
  return oneLine(`${name} is ${JSON.stringify(one.get(name))} and ${JSON.stringify(other.get(name))}`).slice(0, 200);
}

function issueWords(error: z.ZodError): string {
  const { path, message } = error.issues[0]!;
  return oneLine(`${path.length > 0 ? `${path.map(String).join('.')}: ` : ''}${message}`).slice(0, 300);
}

/**
 * Parameters of workloads: one zod schema each, with its default, its unit and its sentence for the command line.
 *
 * Names are camelCase here and kebab-case on the command line; both are understood. Sizes take K, M, G and T (powers of 1024).
 */
import { z } from 'zod';
import { GiB, KiB, MiB, SECTOR_BYTES, TiB } from '../engine/base/units.ts';
import { quoted, WorkloadError } from './errors.ts';

/** What the command line shows of a parameter. */
export interface ParameterDescription {
  /** Kebab-case, without dashes in front. */
  readonly option: string;
  readonly description: string;
  readonly unit: string;
  /** As text; absent when the parameter has none. */
  readonly defaultText?: string;
}

const SIZE_UNITS: Record<string, number> = { '': 1, K: KiB, M: MiB, G: GiB, T: TiB };
/** Larger disks and spans are typing errors. */
export const MAX_SIZE_BYTES = 1024 * TiB;
const MAX_COUNT = 1_000_000_000;

/** A size in bytes, whole sectors, at least one. */
export function sizeParameter(description: string, defaultBytes: number) {
  return optionalSizeParameter(description).default(defaultBytes);
}

/** A size in bytes without a default. */
export function optionalSizeParameter(description: string) {
  const error = `expected a size such as 64K or 10M, a multiple of ${SECTOR_BYTES}`;
  const size = z
    .number({ error })
    .int({ error })
    .min(SECTOR_BYTES, { error })
    .max(MAX_SIZE_BYTES, { error })
    .multipleOf(SECTOR_BYTES, { error });
  return z.preprocess(parseSize, size).meta({ description, unit: 'bytes' });
}

/** A count of `unit`, from `least` up. */
export function countParameter(description: string, unit: string, defaultCount: number, least = 1) {
  const error = `expected an integer from ${least} to ${MAX_COUNT}`;
  const count = z.number({ error }).int({ error }).min(least, { error }).max(MAX_COUNT, { error });
  return z.preprocess(parseNumber, count).meta({ description, unit }).default(defaultCount);
}

/** One of several words. */
export function choiceParameter<const Choice extends readonly [string, ...string[]]>(
  description: string,
  choices: Choice,
  defaultChoice: Choice[number],
) {
  return z
    .enum(choices, { error: `expected ${choices.join(' or ')}` })
    .meta({ description, unit: choices.join('|') })
    .default(defaultChoice);
}

/** One of several words, or none of them. */
export function optionalChoiceParameter<const Choice extends readonly [string, ...string[]]>(
  description: string,
  choices: Choice,
) {
  return z
    .enum(choices, { error: `expected ${choices.join(' or ')}` })
    .meta({ description, unit: choices.join('|') })
    .optional();
}

/** A name without a default. */
export function optionalTextParameter(description: string) {
  return z.string().min(1).meta({ description, unit: 'name' }).optional();
}

/** Lists the parameters of a schema for the command line. */
export function describeParameters(shape: z.ZodRawShape): ParameterDescription[] {
  return Object.entries(shape).map(([name, schema]) => describeParameter(name, schema as z.ZodType));
}

function describeParameter(name: string, schema: z.ZodType): ParameterDescription {
  const inner = schema instanceof z.ZodDefault || schema instanceof z.ZodOptional ? schema.unwrap() : schema;
  const meta = (inner as z.ZodType).meta();
  const unit = String(meta?.unit ?? '');
  const value = schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
  const described = { option: kebabCase(name), description: meta?.description ?? '', unit };
  if (value === undefined) return described;
  return { ...described, defaultText: unit === 'bytes' ? sizeText(value as number) : String(value) };
}

/** Checks `given` against `shape` and fills in the defaults. Throws {@link WorkloadError}, one line. */
export function parseParameters<Shape extends z.ZodRawShape>(
  workload: string,
  shape: Shape,
  given: Readonly<Record<string, unknown>>,
): z.infer<z.ZodObject<Shape>> {
  const named = Object.fromEntries(Object.entries(given).map(([name, value]) => [camelCase(name), value]));
  const surplus = Object.keys(named).find((name) => !(name in shape) && named[name] !== undefined);
  if (surplus !== undefined) throw unknownParameter(workload, surplus, Object.keys(shape));
  const result = z.object(shape).safeParse(named);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const name = String(issue.path[0]);
  const value = named[name] === undefined ? 'nothing' : quoted(String(named[name]));
  throw new WorkloadError(`workload ${workload}: --${kebabCase(name)} ${value}: ${issue.message}`);
}

function unknownParameter(workload: string, name: string, known: readonly string[]): WorkloadError {
  const list = known.length === 0 ? 'it has none' : `it has ${known.map((k) => `--${kebabCase(k)}`).join(', ')}`;
  return new WorkloadError(`workload ${workload} has no parameter --${kebabCase(name)} (${list})`);
}

/** A size in the largest unit that divides it, e.g. "256M". */
export function sizeText(bytes: number): string {
  const unit = ['T', 'G', 'M', 'K'].find((letter) => bytes > 0 && bytes % SIZE_UNITS[letter]! === 0) ?? '';
  return `${bytes / SIZE_UNITS[unit]!}${unit}`;
}

function parseSize(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const [, digits, unit] = /^(\d{1,15})([KMGT]?)(?:i?B)?$/i.exec(value.trim()) ?? [];
  return digits === undefined ? value : Number(digits) * SIZE_UNITS[unit!.toUpperCase()]!;
}

function parseNumber(value: unknown): unknown {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
}

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Values of options, read from text: each function gives the value or throws a UsageError that names the option. */
import { UsageError } from './errors.ts';

/** yargs hands over an array when an option is given twice; silently taking one of them would measure something else. */
export type OptionText = string | readonly string[];

/** The one text of an option. */
export function single(option: string, given: OptionText): string {
  if (typeof given === 'string') return given;
  throw new UsageError(`--${option} is given more than once`);
}

/** An integer from `least` to `most`. */
export function integer(option: string, text: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
  throw new UsageError(`--${option} "${text}": expected an integer ${range}`);
}

const SIZE_UNITS: Record<string, number> = { '': 1, k: 1024, m: 1024 ** 2 };

/** A cluster size in bytes: a power of two from 512 to 2M; K and M are powers of 1024. */
export function clusterSize(option: string, text: string): number {
  const [, digits, unit] = /^(\d{1,8})([km]?)(?:i?b)?$/i.exec(text) ?? [];
  const bytes = digits === undefined ? 0 : Number(digits) * SIZE_UNITS[unit!.toLowerCase()]!;
  const valid = bytes >= 512 && bytes <= 2 * 1024 ** 2 && Number.isInteger(Math.log2(bytes));
  if (valid) return bytes;
  throw new UsageError(`--${option} "${text}": expected a power of two from 512 to 2M`);
}

const CACHE_UNITS: Record<string, number> = { ...SIZE_UNITS, g: 1024 ** 3 };

/** A size of memory in bytes, at least 512; K, M and G are powers of 1024. */
export function memorySize(option: string, text: string): number {
  const [, digits, unit] = /^(\d{1,10})([kmg]?)(?:i?b)?$/i.exec(text) ?? [];
  const bytes = digits === undefined ? 0 : Number(digits) * CACHE_UNITS[unit!.toLowerCase()]!;
  if (bytes >= 512 && bytes <= 64 * 1024 ** 3) return bytes;
  throw new UsageError(`--${option} "${text}": expected a size such as 1M or 512K`);
}

const TIME_UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000 };

/** A time in milliseconds: a number with s, m or h; without a unit, seconds. */
export function duration(option: string, text: string): number {
  const [, digits, unit] = /^(\d{1,6}(?:\.\d{1,3})?)(s|m|h)?$/i.exec(text) ?? [];
  const ms = digits === undefined ? 0 : Number(digits) * TIME_UNITS[(unit ?? 's').toLowerCase()]!;
  if (ms > 0) return ms;
  throw new UsageError(`--${option} "${text}": expected a time such as 90s, 2m or 1h`);
}

/** `name=value` pairs, separated by commas or given one by one. */
export function assignments(option: string, given: OptionText): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const text of [given].flat().flatMap((part) => part.split(','))) {
    const [, name, value] = /^([a-zA-Z][\w-]*)=(.*)$/.exec(text) ?? [];
    if (name === undefined) throw new UsageError(`--${option} "${text}": expected NAME=VALUE`);
    if (name in pairs) throw new UsageError(`--${option} ${name} is given more than once`);
    pairs[name] = value!;
  }
  return pairs;
}

/** Words separated by commas; none twice. */
export function list(option: string, text: string): string[] {
  const words = text.split(',').map((word) => word.trim());
  if (words.includes('')) throw new UsageError(`--${option} "${text}": expected words separated by commas`);
  const twice = words.find((word, index) => words.indexOf(word) !== index);
  if (twice !== undefined) throw new UsageError(`--${option}: ${twice} is named more than once`);
  return words;
}

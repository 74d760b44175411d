/** Options of an image format, as `-o name=value,name=value` gives them. */
import { UsageError } from '../console/errors.ts';
import type { OptionText } from '../console/option-values.ts';
import { unknownWord } from '../console/suggest.ts';

export type FormatOptions = ReadonlyMap<string, string>;

/** What each option of `create` and `convert` means, by format. */
export const CREATE_OPTIONS: Readonly<Record<'raw' | 'qcow2', Readonly<Record<string, string>>>> = {
  raw: {
    preallocation: 'off, falloc or full',
    size: 'size of the virtual disk',
  },
  qcow2: {
    backing_file: 'name of the backing file',
    backing_fmt: 'its format: raw or qcow2',
    cluster_size: 'a power of two from 512 to 2M',
    compat: 'version: 0.10 (v2) or 1.1 (v3)',
    compression_type: 'of compressed clusters: zlib or zstd',
    data_file: 'name of a file for guest data alone',
    data_file_raw: 'on: the data file is a plain raw disk at all times',
    extended_l2: 'on: 32 subclusters in each cluster',
    lazy_refcounts: 'on: refcounts may be stale while the dirty bit is set',
    preallocation: 'off, metadata, falloc or full',
    refcount_bits: '1, 2, 4, 8, 16, 32 or 64',
    size: 'size of the virtual disk',
  },
};

export const AMEND_OPTIONS: Readonly<Record<string, string>> = {
  backing_file: 'name of the backing file, empty for none; the content is not adjusted',
  backing_fmt: 'its format: raw or qcow2',
  compat: 'version: 0.10 (v2) or 1.1 (v3)',
  data_file: 'name of the file for guest data of an image that has one; the file is not moved',
  data_file_raw: 'off: the data file is no longer kept a plain raw disk',
  lazy_refcounts: 'on or off',
  refcount_bits: '1, 2, 4, 8, 16, 32 or 64',
  size: 'size of the virtual disk; it can only grow',
};

/** The options in `given`, each a name of `known`; of one that is given twice the last counts. A comma inside a value is written twice; a name alone means
 * `on`. */
export function parseFormatOptions(
  given: OptionText | undefined,
  known: Readonly<Record<string, string>>,
): FormatOptions {
  const options = new Map<string, string>();
  for (const text of [given ?? []].flat().flatMap(splitAtCommas)) {
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    if (!Object.hasOwn(known, name)) throw new UsageError(unknownWord('-o option', name, Object.keys(known)));
    options.set(name, equals < 0 ? 'on' : text.slice(equals + 1));
  }
  return options;
}

function splitAtCommas(text: string): string[] {
  // NUL cannot be in an argument, so it can stand for a comma that does not separate.
  const parts = text.replaceAll(',,', '\0').split(',');
  return parts.map((part) => part.replaceAll('\0', ','));
}

/** True when `-o help` asks what there is. */
export function asksForHelp(given: OptionText | undefined): boolean {
  return [given ?? []].flat().some((text) => splitAtCommas(text).some((word) => word === 'help' || word === '?'));
}

export function optionHelp(title: string, known: Readonly<Record<string, string>>): string {
  const width = Math.max(...Object.keys(known).map((name) => name.length));
  return [title, ...Object.entries(known).map(([name, text]) => `  ${name.padEnd(width)}  ${text}`)].join('\n');
}

/** `on` or `off`; undefined when the option is not given. */
export function flag(options: FormatOptions, name: string): boolean | undefined {
  const text = options.get(name);
  if (text === undefined) return undefined;
  if (text === 'on' || text === 'yes' || text === 'true') return true;
  if (text === 'off' || text === 'no' || text === 'false') return false;
  throw new UsageError(`-o ${name}="${text}": expected on or off`);
}

/** One of `words`; undefined when the option is not given. */
export function choice<Word extends string>(
  options: FormatOptions,
  name: string,
  words: readonly Word[],
): Word | undefined {
  const text = options.get(name);
  if (text === undefined) return undefined;
  const found = words.find((word) => word === text);
  if (found === undefined) throw new UsageError(unknownWord(`-o ${name}`, text, words));
  return found;
}

/** The qcow2 version that `compat` names. */
export function versionOf(options: FormatOptions): 2 | 3 | undefined {
  const compat = choice(options, 'compat', ['0.10', '1.1', 'v2', 'v3']);
  if (compat === undefined) return undefined;
  return compat === '0.10' || compat === 'v2' ? 2 : 3;
}

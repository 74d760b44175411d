/** Options of the image that a benchmark runs on: `--image-option lazy_refcounts=on,extended_l2=on,…`, named as image tools do. */
import {
  type CreateOptions,
  type OpenOptions,
  OVERLAP_CHECKS,
  PREALLOCATIONS,
  type Preallocation,
} from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { assignments, clusterSize, integer, type OptionText } from '../console/option-values.ts';
import { unknownWord } from '../console/suggest.ts';

/** Plain JSON, because it crosses a process boundary. */
export interface ImageOptions {
  readonly create: Pick<CreateOptions, 'refcountBits' | 'extendedL2' | 'lazyRefcounts' | 'compressionType'>;
  readonly open: Pick<OpenOptions, 'l2CacheEntryBytes' | 'overlapCheck'>;
  readonly preallocation: Preallocation;
  /** As given, for the record. */
  readonly words: Readonly<Record<string, string>>;
}

/** What `cluster_size` and `compat` ask for: options of bench of their own, too. */
export interface ImageShapeWords {
  readonly clusterSize?: string;
  readonly version?: string;
}

/** Every option and what it takes, for help texts. */
export const IMAGE_OPTIONS: Readonly<Record<string, string>> = {
  cluster_size: 'as --cluster-size',
  compat: '0.10 or 1.1, as --image-version 2 or 3',
  refcount_bits: '1, 2, 4, 8, 16, 32 or 64',
  extended_l2: 'on or off',
  lazy_refcounts: 'on or off',
  compression_type: 'zlib or zstd',
  preallocation: PREALLOCATIONS.join(', '),
  'l2-cache-entry-size': 'how much of an L2 table is cached and written as one',
  'overlap-check': OVERLAP_CHECKS.join(', '),
};

/** @throws UsageError that names the option and what it takes. */
export function parseImageOptions(text: OptionText | undefined): ImageOptions & ImageShapeWords {
  const words = text === undefined ? {} : assignments('image-option', text);
  for (const name of Object.keys(words)) {
    if (!(name in IMAGE_OPTIONS))
      throw new UsageError(`--image-option: ${unknownWord('option', name, Object.keys(IMAGE_OPTIONS))}`);
  }
  const { refcount_bits: refcountBits, 'l2-cache-entry-size': entrySize, cluster_size: clusters, compat } = words;
  const extendedL2 = flag(words, 'extended_l2');
  const lazyRefcounts = flag(words, 'lazy_refcounts');
  const compressionType = oneOf(words, 'compression_type', ['zlib', 'zstd'] as const);
  const overlapCheck = oneOf(words, 'overlap-check', OVERLAP_CHECKS);
  return {
    create: {
      ...(refcountBits !== undefined && { refcountBits: integer('image-option refcount_bits', refcountBits, 1, 64) }),
      ...(extendedL2 !== undefined && { extendedL2 }),
      ...(lazyRefcounts !== undefined && { lazyRefcounts }),
      ...(compressionType !== undefined && { compressionType }),
    },
    open: {
      ...(entrySize !== undefined && { l2CacheEntryBytes: clusterSize('image-option l2-cache-entry-size', entrySize) }),
      ...(overlapCheck !== undefined && { overlapCheck }),
    },
    preallocation: oneOf(words, 'preallocation', PREALLOCATIONS) ?? 'off',
    words,
    ...(clusters !== undefined && { clusterSize: clusters }),
    ...(compat !== undefined && { version: versionOf(words) }),
  };
}

function versionOf(words: Readonly<Record<string, string>>): string {
  return oneOf(words, 'compat', ['0.10', '1.1', 'v2', 'v3'] as const)!.match(/^(0\.10|v2)$/) ? '2' : '3';
}

function flag(words: Readonly<Record<string, string>>, name: string): boolean | undefined {
  const word = oneOf(words, name, ['on', 'off'] as const);
  return word === undefined ? undefined : word === 'on';
}

function oneOf<Word extends string>(
  words: Readonly<Record<string, string>>,
  name: string,
  known: readonly Word[],
): Word | undefined {
  const given = words[name];
  if (given === undefined) return undefined;
  const found = known.find((word) => word === given);
  if (found !== undefined) return found;
  throw new UsageError(`--image-option ${name}: ${unknownWord('value', given, known)}`);
}

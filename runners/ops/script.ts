/**
 * Op scripts: the small language in which the reference counts of the historical programs were recorded.
 *
 *   #@ size=BYTES            virtual disk; also cluster_size=BYTES (default 65536) and backing=BYTES
 *   !prep / !run             sections; prep is executed by stage S4b in writeback whatever is measured
 *   w OFFSET LENGTH   r OFFSET LENGTH   f   snap NAME   goto NAME   del NAME   vmstate OFFSET LENGTH   reopen   mark TEXT
 *
 * The byte pattern of write number n (counting every op line of the file from 1) is (n × 37) mod 255 + 1.
 */
import { readFileSync } from 'node:fs';
import { Qcow2Error } from '../../engine/index.ts';

export type Op =
  | { readonly kind: 'w' | 'r' | 'vmstate'; readonly offset: number; readonly length: number }
  | { readonly kind: 'snap' | 'goto' | 'del'; readonly name: string }
  | { readonly kind: 'f' | 'reopen' }
  | { readonly kind: 'mark'; readonly text: string };

export interface ScriptLine {
  /** Line in the file, from 1. */
  readonly line: number;
  /** Number of the op, from 1, which its byte pattern depends on. */
  readonly number: number;
  readonly op: Op;
}

export interface OpScript {
  readonly name: string;
  readonly sizeBytes: number;
  readonly clusterSizeBytes: number;
  /** Size of the backing image, or null. */
  readonly backingBytes: number | null;
  readonly prep: readonly ScriptLine[];
  readonly run: readonly ScriptLine[];
}

/** The byte that write number `n` is filled with. */
export function patternByte(n: number): number {
  return ((n * 37) % 255) + 1;
}

/** Reads the script in `file`. Throws INVALID_ARGUMENT naming the line that is not understood. */
export function readScript(file: string): OpScript {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Qcow2Error('INVALID_ARGUMENT', `cannot read op script ${file}: ${(error as Error).message}`);
  }
  return parseScript(text, file);
}

export function parseScript(text: string, file: string): OpScript {
  const settings: Record<string, number> = { cluster_size: 65536 };
  const sections = { prep: [] as ScriptLine[], run: [] as ScriptLine[] };
  let section: 'prep' | 'run' = 'run';
  let number = 0;
  text.split('\n').forEach((raw, index) => {
    const at = `${file}:${index + 1}`;
    const words = raw.trim().split(/\s+/);
    if (words[0] === '#@') readSettings(words.slice(1), settings, at);
    else if (words[0] === '' || words[0]!.startsWith('#')) return;
    else if (words[0] === '!prep' || words[0] === '!run') section = words[0] === '!prep' ? 'prep' : 'run';
    else {
      const op = parseOp(words, at);
      if (op.kind !== 'mark') number++;
      sections[section].push({ line: index + 1, number, op });
    }
  });
  if (settings.size === undefined) throw new Qcow2Error('INVALID_ARGUMENT', `${file}: no line "#@ size=BYTES"`);
  return {
    name: file.replace(/^.*\//, '').replace(/\.ops$/, ''),
    sizeBytes: settings.size,
    clusterSizeBytes: settings.cluster_size!,
    backingBytes: settings.backing ?? null,
    ...sections,
  };
}

function readSettings(words: readonly string[], settings: Record<string, number>, at: string): void {
  for (const word of words) {
    const [key, value] = word.split('=');
    if (!['size', 'cluster_size', 'backing'].includes(key!)) {
      throw new Qcow2Error(
        'INVALID_ARGUMENT',
        `${at}: unknown setting "${word}"; there are size, cluster_size and backing`,
      );
    }
    settings[key!] = wholeNumber(value, at);
  }
}

function parseOp(words: readonly string[], at: string): Op {
  const [kind, first, second, ...more] = words;
  if (kind === 'mark') return { kind, text: words.slice(1).join(' ') };
  const expected = kind === 'f' || kind === 'reopen' ? 1 : kind === 'snap' || kind === 'goto' || kind === 'del' ? 2 : 3;
  const found = words.length - more.length;
  if (found !== expected || more.length > 0) {
    if (!['w', 'r', 'f', 'snap', 'goto', 'del', 'vmstate', 'reopen'].includes(kind!)) {
      throw new Qcow2Error(
        'INVALID_ARGUMENT',
        `${at}: unknown op "${kind}"; there are w r f snap goto del vmstate reopen mark`,
      );
    }
    throw new Qcow2Error(
      'INVALID_ARGUMENT',
      `${at}: op "${kind}" takes ${expected - 1} words, found ${words.length - 1}`,
    );
  }
  switch (kind) {
    case 'f':
    case 'reopen':
      return { kind };
    case 'snap':
    case 'goto':
    case 'del':
      return { kind, name: first! };
    case 'w':
    case 'r':
    case 'vmstate':
      return { kind, offset: wholeNumber(first, at), length: wholeNumber(second, at) };
    default:
      throw new Qcow2Error(
        'INVALID_ARGUMENT',
        `${at}: unknown op "${kind}"; there are w r f snap goto del vmstate reopen mark`,
      );
  }
}

function wholeNumber(word: string | undefined, at: string): number {
  const value = Number(word);
  if (word !== undefined && /^\d+$/.test(word) && Number.isSafeInteger(value)) return value;
  throw new Qcow2Error('INVALID_ARGUMENT', `${at}: "${word ?? ''}" is not a whole number of bytes`);
}

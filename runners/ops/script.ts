/**
 * Op scripts: the small language in which the reference counts of the historical programs were recorded.
 *
 *   #@ size=BYTES            virtual disk; also cluster_size=BYTES (default 65536) and backing=BYTES
 *   !prep / !run             sections; prep is executed by stage S4b in writeback whatever is measured
 *   w OFFSET LENGTH   r OFFSET LENGTH   f   snap NAME   goto NAME   del NAME   vmstate OFFSET LENGTH   reopen   mark TEXT
 *
 * The byte pattern of write number n (counting every op line of the file from 1) is (n × 37) mod 255 + 1.
 */
import { type DiskRequest, MiB, Qcow2Error, type ReopenRequest } from '../../engine/index.ts';
import { textOfFile } from '../console/text-of-file.ts';

/** How many words follow the op; `mark` takes any. */
const OP_WORDS = { w: 2, r: 2, f: 0, snap: 1, goto: 1, del: 1, vmstate: 2, reopen: 0, mark: null } as const;
type OpWord = keyof typeof OP_WORDS;

export interface ScriptLine {
  /** Line in the file, from 1. */
  readonly line: number;
  /** Number of the op, from 1, which its byte pattern depends on. */
  readonly number: number;
  /** The word that the script has for it. */
  readonly word: OpWord;
  readonly request: DiskRequest | ReopenRequest;
}

export interface OpScript {
  readonly file: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly clusterSizeBytes: number;
  /** Size of the backing image, or null. */
  readonly backingBytes: number | null;
  readonly prep: readonly ScriptLine[];
  readonly run: readonly ScriptLine[];
}

/** Larger files are not op scripts. */
const SCRIPT_BYTES_MAX = 64 * MiB;
const VM_STATE_PIECE_BYTES = 32768;
const FIRST_SNAPSHOT_DATE = 1_300_000_000;
/** One op's bytes are held in memory. */
const OP_BYTES_MAX = 256 * MiB;

/** The byte that write number `n` is filled with. */
export function patternByte(n: number): number {
  return ((n * 37) % 255) + 1;
}

/** VM state is written as the historical programs wrote it, everything else in one piece. */
export function* piecesOf(request: DiskRequest): Generator<DiskRequest> {
  if (request.op !== 'vmstate-write') return yield request;
  const { op, offset, length } = request;
  for (let done = 0; done < length; done += VM_STATE_PIECE_BYTES)
    yield { op, offset: offset + done, length: Math.min(VM_STATE_PIECE_BYTES, length - done) };
}

/** Reads the script in `file`. Throws INVALID_ARGUMENT naming the line that is not understood. */
export function readScript(file: string): OpScript {
  let text: string;
  try {
    text = textOfFile(file, SCRIPT_BYTES_MAX);
  } catch (error) {
    throw refusal(`cannot read op script ${file}`, (error as Error).message);
  }
  return parseScript(text, file);
}

export function parseScript(text: string, file: string): OpScript {
  const settings: Partial<Record<Setting, number>> = {};
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
      const word = opWord(words[0]!, at);
      const request = parseOp(word, words.slice(1), settings.size, at);
      if (request !== null) sections[section].push({ line: index + 1, number: ++number, word, request });
    }
  });
  if (settings.size === undefined) throw refusal(file, 'no line "#@ size=BYTES"');
  return {
    file,
    name: file.replace(/^.*\//, '').replace(/\.ops$/, ''),
    sizeBytes: settings.size,
    clusterSizeBytes: settings.cluster_size ?? 65536,
    backingBytes: settings.backing ?? null,
    ...withSnapshotFacts(sections),
  };
}

/** Snapshots are dated by their number, and say how far the VM state reaches that was written before them. */
function withSnapshotFacts({ prep, run }: Pick<OpScript, 'prep' | 'run'>): Pick<OpScript, 'prep' | 'run'> {
  let dateSeconds = FIRST_SNAPSHOT_DATE;
  let vmStateBytes = 0;
  const dated = (line: ScriptLine): ScriptLine => {
    const { request } = line;
    if (request.op === 'vmstate-write') vmStateBytes = request.offset + request.length;
    if (request.op !== 'snapshot-create') return line;
    return { ...line, request: { ...request, vmStateBytes, dateSeconds: dateSeconds++ } };
  };
  return { prep: prep.map(dated), run: run.map(dated) };
}

function refusal(at: string, why: string): Qcow2Error {
  return new Qcow2Error('INVALID_ARGUMENT', `${at}: ${why}`);
}

const SETTINGS = ['size', 'cluster_size', 'backing'] as const;
type Setting = (typeof SETTINGS)[number];

function readSettings(words: readonly string[], settings: Partial<Record<Setting, number>>, at: string): void {
  for (const word of words) {
    const [key, value] = word.split('=');
    const setting = SETTINGS.find((known) => known === key);
    if (setting === undefined) throw refusal(at, `unknown setting "${word}"; there are ${SETTINGS.join(', ')}`);
    settings[setting] = wholeNumber(value, at);
  }
}

function opWord(text: string, at: string): OpWord {
  if (Object.hasOwn(OP_WORDS, text)) return text as OpWord;
  throw refusal(at, `unknown op "${text}"; there are ${Object.keys(OP_WORDS).join(' ')}`);
}

/** The request of a line; null for a mark. */
function parseOp(
  word: OpWord,
  rest: readonly string[],
  diskBytes: number | undefined,
  at: string,
): ScriptLine['request'] | null {
  const expected = OP_WORDS[word];
  if (expected !== null && rest.length !== expected) {
    throw refusal(at, `op "${word}" takes ${expected} words, found ${rest.length}`);
  }
  const range = () => ({ offset: wholeNumber(rest[0], at), length: wholeNumber(rest[1], at) });
  switch (word) {
    case 'mark':
      return null;
    case 'f':
      return { op: 'flush' };
    case 'reopen':
      return { op: 'reopen' };
    case 'snap':
      return { op: 'snapshot-create', name: rest[0]! };
    case 'goto':
      return { op: 'snapshot-apply', name: rest[0]! };
    case 'del':
      return { op: 'snapshot-delete', name: rest[0]! };
    case 'vmstate':
      return { op: 'vmstate-write', ...range() };
    case 'w':
    case 'r':
      return { op: word === 'w' ? 'write' : 'read', ...insideDisk(range(), diskBytes, at) };
  }
}

/** Before anything is allocated for the op. */
function insideDisk<Range extends { offset: number; length: number }>(
  op: Range,
  diskBytes: number | undefined,
  at: string,
): Range {
  if (diskBytes === undefined) throw refusal(at, 'an op before the line "#@ size=BYTES"');
  if (op.length > OP_BYTES_MAX) throw refusal(at, `${op.length} bytes in one op; at most ${OP_BYTES_MAX} are possible`);
  if (op.offset + op.length > diskBytes) {
    throw refusal(at, `${op.length} bytes at offset ${op.offset} pass the end of the disk (${diskBytes} bytes)`);
  }
  return op;
}

function wholeNumber(word: string | undefined, at: string): number {
  const value = Number(word);
  if (word !== undefined && /^\d+$/.test(word) && Number.isSafeInteger(value)) return value;
  throw refusal(at, `"${word ?? ''}" is not a whole number of bytes`);
}

/**
 * One line of a fio iolog (fio documentation, "Trace file format v2" and "v3").
 *
 *   v2: `<file> <action> [<offset> <length>]`
 *   v3: `<timestamp> <file> <action> [<offset> <length>]`, the timestamp in microseconds since the start
 *
 * fio replays what it can and skips the rest with a message; here a line that is not understood is an error, because
 * a benchmark must not measure half a trace. What a disk cannot be asked for as it is is changed and counted as such:
 * requests that are not whole sectors, and `sync_file_range`, which starts writing but waits for no disk.
 */
import { SECTOR_BYTES } from '../engine/base/units.ts';
import { quoted } from './errors.ts';
import type { GuestRequest } from './request.ts';

export type IologVersion = 2 | 3;

export function iologHeader(version: IologVersion): string {
  return `fio version ${version} iolog`;
}

/** The longest read or write that is replayed (256 MiB): the data of a request is held in memory. */
const MAX_TRANSFER_BYTES = 256 * 1024 * 1024;

/** What a trace may ask for. */
export interface IologLimits {
  /** Size of the replayed disk in bytes: requests past it are errors. Without it any exact offset goes. */
  readonly diskSizeBytes?: number;
}

/** How a request differs from its line. */
export type IologChange = 'widened' | 'narrowed' | 'syncfs';

/** A line taken apart: a request, one that is left out, a file coming or going, or a pause in microseconds. */
export type IologLine =
  | {
      readonly kind: 'request';
      readonly file: string;
      readonly request: GuestRequest;
      readonly change?: IologChange | undefined;
    }
  | { readonly kind: 'left-out'; readonly file: string; readonly what: 'sync_file_range' | 'trim' }
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'wait'; readonly file: string; readonly pauseUs: number };

/** What is wrong with a line; the reader adds the file and the line number. */
export class IologLineError extends Error {
  override readonly name = 'IologLineError';
}

/** Takes a line apart. Throws {@link IologLineError}. */
export function parseIologLine(text: string, version: IologVersion, limits: IologLimits): IologLine {
  const words = text.trim().split(/\s+/);
  const atUs = version === 3 ? wholeNumber('timestamp', words.shift()!) : undefined;
  const [file, action, offset, length, ...surplus] = words;
  if (file === undefined || action === undefined) throw new IologLineError(`no action in ${quoted(text)}`);
  if (surplus.length > 0) throw new IologLineError(`surplus words after the length: ${quoted(surplus.join(' '))}`);
  switch (action) {
    case 'add':
    case 'open':
    case 'close':
      return { kind: 'file', file };
    case 'wait':
      return { kind: 'wait', file, pauseUs: wholeNumber('wait', offset ?? '') };
    case 'sync':
    case 'datasync':
      return { kind: 'request', file, request: { op: 'flush', ...timeOf(atUs) } };
    case 'syncfs':
      return { kind: 'request', file, request: { op: 'flush', ...timeOf(atUs) }, change: 'syncfs' };
    case 'sync_file_range':
      return { kind: 'left-out', file, what: action };
    case 'read':
    case 'write':
      return widened(file, action, rangeOf(action, offset, length), atUs, limits);
    case 'trim':
      return narrowed(file, rangeOf('discard', offset, length), atUs, limits);
    default:
      throw new IologLineError(`unknown action ${quoted(action)}`);
  }
}

function timeOf(atUs: number | undefined): { atUs?: number } {
  return atUs === undefined ? {} : { atUs };
}

interface Range {
  readonly start: number;
  readonly end: number;
}

function rangeOf(op: string, offsetText: string | undefined, lengthText: string | undefined): Range {
  if (offsetText === undefined || lengthText === undefined) throw new IologLineError(`${op} without offset and length`);
  const start = wholeNumber('offset', offsetText);
  const length = wholeNumber('length', lengthText);
  if (length === 0) throw new IologLineError('length is 0');
  // Room for the sector that the end is rounded up to.
  if (start + length > Number.MAX_SAFE_INTEGER - SECTOR_BYTES) {
    throw new IologLineError(`offset ${offsetText} is above 2^53`);
  }
  return { start, end: start + length };
}

/** Reads and writes take whole sectors: those that they touch. */
function widened(
  file: string,
  op: 'read' | 'write',
  { start, end }: Range,
  atUs: number | undefined,
  limits: IologLimits,
): IologLine {
  const offset = start - (start % SECTOR_BYTES);
  const length = Math.ceil(end / SECTOR_BYTES) * SECTOR_BYTES - offset;
  if (length > MAX_TRANSFER_BYTES) {
    throw new IologLineError(`length ${end - start} is above ${MAX_TRANSFER_BYTES}, the longest ${op}`);
  }
  const change = length === end - start ? undefined : 'widened';
  return { kind: 'request', file, request: { op, ...within(op, offset, length, limits), ...timeOf(atUs) }, change };
}

/** A discard may drop no byte that it does not name: only whole sectors inside it. */
function narrowed(file: string, { start, end }: Range, atUs: number | undefined, limits: IologLimits): IologLine {
  const op = 'discard';
  const offset = Math.ceil(start / SECTOR_BYTES) * SECTOR_BYTES;
  const length = end - (end % SECTOR_BYTES) - offset;
  if (length <= 0) return { kind: 'left-out', file, what: 'trim' };
  const change = length === end - start ? undefined : 'narrowed';
  return { kind: 'request', file, request: { op, ...within(op, offset, length, limits), ...timeOf(atUs) }, change };
}

function within(op: string, offset: number, length: number, { diskSizeBytes }: IologLimits) {
  if (diskSizeBytes === undefined || offset + length <= diskSizeBytes) return { offset, length };
  throw new IologLineError(`${op} of ${length} bytes at ${offset} ends past the disk of ${diskSizeBytes} bytes`);
}

function wholeNumber(what: string, text: string): number {
  if (/^-\d+$/.test(text)) throw new IologLineError(`${what} ${text} is negative`);
  if (!/^\d+$/.test(text)) throw new IologLineError(`${what} ${quoted(text)} is not a whole number`);
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new IologLineError(`${what} ${quoted(text)} is above 2^53`);
  return value;
}

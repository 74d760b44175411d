/**
 * One line of a fio iolog (fio documentation, "Trace file format v2" and "v3").
 *
 *   v2: `<file> <action> [<offset> <length>]`
 *   v3: `<timestamp> <file> <action> [<offset> <length>]`, the timestamp in microseconds since the start
 *
 * fio replays what it can and skips the rest with a message; here a line that is not understood is an error, because
 * a benchmark must not measure half a trace.
 */
import { SECTOR_BYTES } from '../engine/base/units.ts';
import { quoted } from './errors.ts';
import type { GuestRequest } from './request.ts';

export type IologVersion = 2 | 3;

export function iologHeader(version: IologVersion): string {
  return `fio version ${version} iolog`;
}

/** The longest read or write that is replayed (256 MiB): the data of a request is held in memory. */
export const MAX_TRANSFER_BYTES = 256 * 1024 * 1024;

/** What a trace may ask for. */
export interface IologLimits {
  /** Size of the replayed disk in bytes: requests past it are errors. Without it any exact offset goes. */
  readonly diskSizeBytes?: number;
}

/** A line taken apart: a request, a file coming or going, or a pause in microseconds. */
export type IologLine =
  | { readonly kind: 'request'; readonly file: string; readonly request: GuestRequest }
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
    case 'read':
    case 'write':
      return { kind: 'request', file, request: transfer(action, offset, length, atUs, limits, MAX_TRANSFER_BYTES) };
    case 'trim':
      return { kind: 'request', file, request: transfer('discard', offset, length, atUs, limits, Infinity) };
    default:
      throw new IologLineError(`unknown action ${quoted(action)}`);
  }
}

function timeOf(atUs: number | undefined): { atUs?: number } {
  return atUs === undefined ? {} : { atUs };
}

function transfer(
  op: 'read' | 'write' | 'discard',
  offsetText: string | undefined,
  lengthText: string | undefined,
  atUs: number | undefined,
  limits: IologLimits,
  maxBytes: number,
): GuestRequest {
  if (offsetText === undefined || lengthText === undefined) throw new IologLineError(`${op} without offset and length`);
  const offset = sectors('offset', offsetText);
  const length = sectors('length', lengthText);
  if (length === 0) throw new IologLineError('length is 0');
  if (length > maxBytes) throw new IologLineError(`length ${length} is above ${maxBytes}, the longest ${op}`);
  const end = offset + length;
  if (!Number.isSafeInteger(end)) throw new IologLineError(`offset ${offsetText} is above 2^53`);
  if (limits.diskSizeBytes !== undefined && end > limits.diskSizeBytes) {
    throw new IologLineError(
      `${op} of ${length} bytes at ${offset} ends past the disk of ${limits.diskSizeBytes} bytes`,
    );
  }
  return atUs === undefined ? { op, offset, length } : { op, offset, length, atUs };
}

function sectors(what: string, text: string): number {
  const value = wholeNumber(what, text);
  if (value % SECTOR_BYTES !== 0) throw new IologLineError(`${what} ${value} is not a multiple of ${SECTOR_BYTES}`);
  return value;
}

function wholeNumber(what: string, text: string): number {
  if (/^-\d+$/.test(text)) throw new IologLineError(`${what} ${text} is negative`);
  if (!/^\d+$/.test(text)) throw new IologLineError(`${what} ${quoted(text)} is not a whole number`);
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new IologLineError(`${what} ${quoted(text)} is above 2^53`);
  return value;
}

/** Requests for a stretch of a disk: inside it, or refused. */
import { Qcow2Error } from './errors.ts';

/**
 * Throws unless the `lengthBytes` from byte `offset` on lie inside a disk of `sizeBytes`. `verb` names the request in the message.
 * @throws Qcow2Error INVALID_ARGUMENT for numbers that are no byte counts, OUT_OF_RANGE for a range that passes the end.
 */
export function requireInside(verb: string, offset: number, lengthBytes: number, sizeBytes: number): void {
  if (!isByteCount(offset) || !isByteCount(lengthBytes)) {
    const message = `${verb} of ${lengthBytes} bytes at offset ${offset}: not integers from 0 on`;
    throw new Qcow2Error('INVALID_ARGUMENT', message, { offset });
  }
  if (offset + lengthBytes <= sizeBytes) return;
  const message = `${verb} of ${lengthBytes} bytes at offset ${offset} passes the end of the disk (${sizeBytes} bytes)`;
  throw new Qcow2Error('OUT_OF_RANGE', message, { offset, expected: sizeBytes, found: offset + lengthBytes });
}

function isByteCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

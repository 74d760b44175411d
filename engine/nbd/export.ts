/** What a server offers, and what it tells a client about it. */
import { TRANSMISSION_FLAGS } from './protocol.ts';

export interface NbdExport {
  /** A key, never a path. At most 4096 bytes. */
  readonly name: string;
  readonly description: string;
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  /** Requests must start and end on a multiple of this many bytes, a power of two; the end of the disk is allowed as well. */
  readonly minimumBlockBytes: number;
  /** What requests should be multiples of to be quick. */
  readonly preferredBlockBytes: number;
}

export interface SessionLimits {
  /** The longest read or write, and what is advertised as such. */
  readonly payloadBytes: number;
  /** The longest option that is looked at; a longer one is skipped and refused. */
  readonly optionBytes: number;
  /** Past this length an option ends the connection. */
  readonly optionSkipBytes: number;
  readonly options: number;
  readonly extentsPerReply: number;
}

export const SESSION_LIMITS: SessionLimits = {
  payloadBytes: 32 * 2 ** 20,
  optionBytes: 65_536,
  optionSkipBytes: 32 * 2 ** 20,
  options: 1024,
  extentsPerReply: 1024,
};

export function transmissionFlags({ readOnly }: NbdExport): number {
  const { hasFlags, sendFlush, sendDf, canMultiConn, sendCache } = TRANSMISSION_FLAGS;
  // Every connection is served by one queue: a flush on any of them covers all writes acknowledged on any other.
  const always = hasFlags + sendFlush + sendDf + canMultiConn + sendCache;
  if (readOnly) return always + TRANSMISSION_FLAGS.readOnly;
  const { sendFua, sendTrim, sendWriteZeroes, sendFastZero } = TRANSMISSION_FLAGS;
  return always + sendFua + sendTrim + sendWriteZeroes + sendFastZero;
}

/** The export of that name; the empty name is the first one. */
export function findExport(exports: readonly NbdExport[], name: string): NbdExport | undefined {
  return name === '' ? exports[0] : exports.find((candidate) => candidate.name === name);
}

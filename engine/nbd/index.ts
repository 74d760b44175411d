/** The NBD protocol: what servers and clients outside the engine need of it. */
export { ByteQueue } from './byte-queue.ts';
export {
  decodeExport,
  decodeListed,
  decodeOptionReply,
  decodeSimpleReply,
  EXPORT_BYTES,
  encodeClientFlags,
  encodeExportNameChoice,
  encodeOption,
  encodeRequest,
  GREETING_AND_EXPORT_BYTES,
  GREETING_BYTES,
  isFixedNewstyle,
  OPTION_REPLY_BYTES,
  SIMPLE_REPLY_BYTES,
} from './client-messages.ts';
export { nbdErrorOf } from './error-numbers.ts';
export type { NbdExport } from './export.ts';
export {
  BASE_ALLOCATION,
  COMMAND_FLAGS,
  COMMANDS,
  OPTION_REPLIES,
  OPTIONS,
  type StatusExtent,
  TRANSMISSION_FLAGS,
} from './protocol.ts';
export { NbdSession } from './session.ts';
export type { NbdRequest, NbdWork, Outcome } from './transmission.ts';

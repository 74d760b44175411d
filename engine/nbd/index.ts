/** The NBD protocol: what servers and clients outside the engine need of it. */
export { ByteQueue } from './byte-queue.ts';
export {
  decodeSimpleReply,
  encodeExportNameChoice,
  encodeRequest,
  GREETING_AND_EXPORT_BYTES,
  SIMPLE_REPLY_BYTES,
} from './client-messages.ts';
export { nbdErrorOf } from './error-numbers.ts';
export type { NbdExport } from './export.ts';
export { BASE_ALLOCATION, COMMAND_FLAGS, COMMANDS, type StatusExtent } from './protocol.ts';
export { NbdSession } from './session.ts';
export type { NbdRequest, NbdWork, Outcome } from './transmission.ts';

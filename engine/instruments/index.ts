/**
 * What can be put around an image file to watch it, to time it, to model it or to let it fail. The engine itself uses none of
 * it; whoever measures or tests an image does.
 */
export { type AllCounts, CountingFile, type FileCounts, kindOf, type ServedRequest } from './counting-file.ts';
export { DeviceModelFile, type DeviceModelOptions } from './device-model.ts';
export {
  DEFAULT_HOST,
  type DeviceParameters,
  type HostParameters,
  type Mechanics,
  MODELLED_DEVICES,
} from './device-model-parameters.ts';
export { FAULT_KINDS, type Fault, FaultFile, type FaultKind, type StruckOperation } from './fault-file.ts';
export { type GuestMark, type RecordedChange, type RecordedEvent, RecordingFile } from './recording-file.ts';
export { SmallDisk } from './small-disk.ts';
export { StreamPrices, type StreamPricesOptions } from './stream-prices.ts';
export { type Operation, type Outcome, Tap, unhandled } from './tap.ts';
export { nowNs, type OperationSink, TimingFile } from './timing-file.ts';
export {
  decodeWriteLog,
  decodeWriteLogEntries,
  encodeWriteLog,
  readWriteLogEntry,
  readWriteLogSuperblock,
  WRITE_LOG_ENTRY_FIELDS_BYTES,
} from './write-log.ts';

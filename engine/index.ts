/**
 * The engine's only door: everything another folder, or another program, may use. `docs/api.md` shows it in ten lines.
 */
export { type ErrorFacts, Qcow2Error, type Qcow2ErrorCode } from './base/errors.ts';
export { GiB, KiB, MiB, roundDown, roundUp, SECTOR_BYTES, TiB } from './base/units.ts';
export { findPolicy, POLICIES, type PolicyName, type PolicyPreset, policyOfStage } from './cache/policies.ts';
export { type CachePolicy, ORDERS, type Order, type TableCaches } from './cache/policy.ts';
export { STAGE_IDS, STAGES, type Stage, type StageId, WHAT_IF_STAGE_IDS } from './cache/stage.ts';
export type { CacheCounts, CachedTable, TableCache } from './cache/table-cache.ts';
export {
  type CheckOptions,
  type CheckReport,
  checkImage,
  type Finding,
  hasErrors,
  isClean,
} from './check/check-image.ts';
export { checkExitCode, checkJson, formatCheckText } from './check/check-text.ts';
export { type RepairOptions, type RepairReport, repairImage } from './check/repair.ts';
export { type AmendOptions, amendImage } from './image/amend.ts';
export type { CacheSizeOptions } from './image/cache-sizes.ts';
export { type CreateOptions, createImage } from './image/create.ts';
export { describeImage, type ImageDescription } from './image/describe.ts';
export type { OpenOptions } from './image/open.ts';
export { type OpenImageFileOptions, openImageFile } from './image/open-chain.ts';
export { OVERLAP_CHECKS, type OverlapCheck } from './image/overlap.ts';
export { PREALLOCATIONS, type Preallocation } from './image/preallocate.ts';
export { type MappedRange, openImage, type Qcow2Image } from './image/qcow2-image.ts';
export { RawDisk } from './image/raw-disk.ts';
export type { NewSnapshot, SnapshotInfo } from './image/snapshots.ts';
export type { GuestDisk } from './image/state.ts';
export {
  type BlockFile,
  HOST_CACHE_MODES,
  type HostCacheMode,
  SYNC_CAUSES,
  type SyncCause,
  TABLE_KINDS,
  type TableKind,
} from './io/block-file.ts';
export { type AllCounts, CountingFile, type FileCounts } from './io/counting-file.ts';
export { DeviceModelFile, type DeviceModelOptions } from './io/device-model.ts';
export {
  DEFAULT_HOST,
  type DeviceParameters,
  type HostParameters,
  type Mechanics,
  MODELLED_DEVICES,
} from './io/device-model-parameters.ts';
export { FAULT_KINDS, type Fault, FaultFile, type FaultKind, type StruckOperation } from './io/fault-file.ts';
export { type OpenFileOptions, openFile } from './io/file.ts';
export { type FileIdentity, identifyFile } from './io/file-identity.ts';
export { ForwardingFile } from './io/forwarding-file.ts';
export { MemoryFile } from './io/memory-file.ts';
export { type GuestMark, type RecordedChange, type RecordedEvent, RecordingFile } from './io/recording-file.ts';
export { type LatencySink, nowNs, TimingFile } from './io/timing-file.ts';
export { type FileEvent, TracingFile } from './io/tracing-file.ts';
export { decodeWriteLog, decodeWriteLogEntries, encodeWriteLog } from './io/write-log.ts';

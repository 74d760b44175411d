/**
 * The engine's only public entry point: everything another folder, or another program, may use. `docs/api.md` shows it in ten lines.
 */
export { type ErrorFacts, Qcow2Error, type Qcow2ErrorCode } from './base/errors.ts';
export { GiB, type HostRange, KiB, MiB, roundDown, rounded, roundUp, SECTOR_BYTES, TiB } from './base/units.ts';
export type {
  Allocation,
  Allocator,
  AllocatorFactory,
  AllocatorParts,
  ClusterCounts,
  Savepoint,
} from './cache/allocator.ts';
export type { Behaviour } from './cache/behaviour.ts';
export { CachedTable, type CacheObserver, type DiscardReason } from './cache/cached-table.ts';
export { isDurable, type Place, Pointer, type Prerequisite } from './cache/ordering.ts';
export {
  fileModeOf,
  findPolicy,
  type PolicyName,
  type PolicyPreset,
  policyNamed,
  policyNames,
  policyOfStage,
  policyPresets,
  registerPolicy,
} from './cache/policies.ts';
export {
  type CachePolicy,
  type FlushOptions,
  ORDERS,
  type Order,
  type Ordering,
  type PolicyFactory,
  type PolicyParts,
  type PolicySetup,
  type SnapshotWalk,
  type TableCaches,
  type TableGeometry,
} from './cache/policy.ts';
export { PolicyBase } from './cache/policy-base.ts';
export {
  RESERVE_CLUSTERS_MIN,
  RESERVE_PREPARATIONS,
  type ReserveOptions,
  type ReservePreparation,
} from './cache/reserve.ts';
export {
  behaviourInHistory,
  findStage,
  type History,
  STAGE_IDS,
  STAGES,
  type Stage,
  type StageId,
} from './cache/stage.ts';
export type { CacheCounts, TableCache, TableCleaner } from './cache/table-cache.ts';
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
export type {
  ByteRange,
  GuestDevice,
  GuestDisk,
  ImageDevice,
  MappedRange,
  WriteOptions,
  ZeroOptions,
} from './disk/device.ts';
export { perform, VmStateSize } from './disk/perform.ts';
export { RawDisk } from './disk/raw-disk.ts';
export type { BlockRequest, DiskRequest, ReopenRequest, StateRequest, ToolRequest } from './disk/request.ts';
export { type QueuedRequest, queuedRequest, RequestQueue, type ServedBatch } from './disk/request-queue.ts';
export { amendImage } from './image/amend.ts';
export { type AmendOptions, refuseAmendment } from './image/amend-checks.ts';
export type { BitmapEditor } from './image/bitmap-editor.ts';
export type { CacheSizeOptions } from './image/cache-sizes.ts';
export { type CreateOptions, createImage } from './image/create.ts';
export { type BitmapInfo, describeImage, type ImageDescription } from './image/describe.ts';
export { type ImageMeasure, measureImage } from './image/measure.ts';
export type { OpenOptions } from './image/open.ts';
export { type OpenImageFileOptions, openImageFile } from './image/open-chain.ts';
export { OVERLAP_CHECKS, type OverlapCheck } from './image/overlap.ts';
export { PREALLOCATIONS, type Preallocation } from './image/preallocate.ts';
export { openImage, type Qcow2Image } from './image/qcow2-image.ts';
export type { SnapshotInfo } from './image/snapshot-list.ts';
export type { NewSnapshot } from './image/snapshots.ts';
export * from './instruments/index.ts';
export {
  type BlockFile,
  type FileExtent,
  HOST_CACHE_MODES,
  type HostCacheMode,
  SYNC_CAUSES,
  type SyncCause,
  TABLE_KINDS,
  type TableKind,
} from './io/block-file.ts';
export type { DurableFile, Sequence } from './io/durability.ts';
export { type OpenFileOptions, openFile } from './io/file.ts';
export { type FileIdentity, fileBeside, identifyFile } from './io/file-identity.ts';
export type { FileUse } from './io/file-locks.ts';
export { ForwardingFile } from './io/forwarding-file.ts';
export { MemoryFile } from './io/memory-file.ts';

/**
 * The engine's only door: everything another folder may use.
 */
export { Qcow2Error, type Qcow2ErrorCode } from './base/errors.ts';
export { GiB, KiB, MiB, SECTOR_BYTES, TiB } from './base/units.ts';
export {
  type BlockFile,
  HOST_CACHE_MODES,
  type HostCacheMode,
  SYNC_CAUSES,
  type SyncCause,
  TABLE_KINDS,
  type TableKind,
} from './io/block-file.ts';

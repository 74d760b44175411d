/** What cannot be amended, found out before anything is written. */
import { corrupt, Qcow2Error } from '../base/errors.ts';
import { AUTOCLEAR, COMPATIBLE, type Header, INCOMPATIBLE } from '../format/header.ts';
import { snapshotName } from '../format/snapshot-table.ts';
import type { BlockFile } from '../io/block-file.ts';
import { peekHeader, readSnapshots } from './metadata.ts';

/** What to change in the header of an image; what is absent stays. */
export interface AmendOptions {
  /** Name to store, or null for no backing file. The content of the disk is not adjusted. */
  readonly backingFile?: string | null;
  readonly backingFormat?: 'raw' | 'qcow2' | null;
  readonly lazyRefcounts?: boolean;
  /** Going back to version 2 writes zeros where only version 3 can say "zeros", and drops persistent bitmaps. */
  readonly version?: 2 | 3;
  /** 1, 2, 4, 8, 16, 32 or 64; only 16 in version 2. */
  readonly refcountBits?: number;
  /** Name to store of the external data file, of an image that has one. The file is neither moved nor read. */
  readonly dataFile?: string;
  /** False: the data file is no longer promised to be a plain raw disk. It cannot be promised later. */
  readonly dataFileRaw?: boolean;
}

/**
 * `sizeBytes`: what the disk will have been resized to before; default: what it has.
 * @throws Qcow2Error INVALID_ARGUMENT for options that do not go together, UNSUPPORTED or CORRUPT for what the image forbids.
 */
export function refuseAmendment(file: BlockFile, options: AmendOptions, sizeBytes?: number): void {
  const header = peekHeader(file);
  if ((header.incompatibleFeatures & INCOMPATIBLE.corrupt) !== 0n) {
    throw corrupt(file.name, 'image is marked corrupt; repair it before it is amended');
  }
  const version = options.version ?? header.version;
  const bits = options.refcountBits ?? 2 ** header.refcountOrder;
  if (!Number.isInteger(Math.log2(bits)) || bits < 1 || bits > 64)
    refuse(file, `refcount width ${bits} is not 1, 2, 4, 8, 16, 32 or 64 bits`);
  if (version === 2 && bits !== 16)
    refuse(file, `a version 2 image has refcounts of 16 bits, not ${bits} (give refcount_bits=16 too)`);
  // What is on already is not asked for: going back to version 2 ends it.
  const isLazy = (header.compatibleFeatures & COMPATIBLE.lazyRefcounts) !== 0n;
  if (options.lazyRefcounts && !isLazy && version === 2) refuse(file, 'lazy refcounts need a version 3 image');
  refuseDataFile(file, header, options);
  if (version < header.version) refuseDowngrade(file, header, sizeBytes ?? header.sizeBytes);
}

function refuse(file: BlockFile, why: string): never {
  throw new Qcow2Error('INVALID_ARGUMENT', `${file.name}: ${why}`, { file: file.name });
}

function refuseDataFile(file: BlockFile, header: Header, { dataFile, dataFileRaw }: AmendOptions): void {
  const hasDataFile = (header.incompatibleFeatures & INCOMPATIBLE.dataFile) !== 0n;
  if (dataFile !== undefined && !hasDataFile)
    refuse(file, 'a data file can only be named for an image that was created with one');
  if (dataFileRaw && (header.autoclearFeatures & AUTOCLEAR.rawExternalData) === 0n)
    refuse(file, 'the data file of an image that exists cannot become a raw disk');
}

/** Version 2 has no incompatible features, and its snapshots do not say how large their disk was. */
function refuseDowngrade(file: BlockFile, header: Header, sizeBytes: number): void {
  const refuseIt = (why: string): never => {
    throw new Qcow2Error('UNSUPPORTED', `${file.name}: cannot be made version 2: ${why}`, { file: file.name });
  };
  const features = header.incompatibleFeatures & ~INCOMPATIBLE.dirty;
  if ((features & INCOMPATIBLE.dataFile) !== 0n) refuseIt('it has an external data file');
  if ((features & INCOMPATIBLE.extendedL2) !== 0n) refuseIt('it has extended L2 entries');
  if ((features & INCOMPATIBLE.compression) !== 0n) refuseIt('its clusters are compressed by zstd');
  if (header.cryptMethod === 2) refuseIt('it is encrypted by LUKS');
  for (const entry of readSnapshots(file, header)) {
    const name = JSON.stringify(snapshotName(entry));
    if (entry.virtualSizeBytes !== null && entry.virtualSizeBytes !== sizeBytes)
      refuseIt(`snapshot ${name} is of a disk of ${entry.virtualSizeBytes} bytes, this one has ${sizeBytes}`);
    if (entry.vmStateSizeBytes > 0xffff_ffff) refuseIt(`snapshot ${name} has more than 4 GiB of VM state`);
  }
}

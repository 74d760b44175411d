/**
 * The checker's own reading of the header: where the tables are claimed to be and how entries are laid out. Nothing here is
 * believed yet; offsets and sizes are checked by those who follow them.
 */
import { Qcow2Error, type Qcow2ErrorCode } from '../base/errors.ts';
import type { BlockFile } from '../io/block-file.ts';
import { uint64, uint64Text } from './big-endian.ts';

export interface ByteRange {
  readonly offset: number;
  readonly lengthBytes: number;
}

export interface ImageShape {
  readonly fileName: string;
  readonly fileBytes: number;
  readonly version: number;
  readonly clusterBits: number;
  readonly clusterBytes: number;
  readonly sizeBytes: number;
  /** The same in decimal digits, which are exact above 2^53, too. */
  readonly sizeText: string;
  readonly l1: ByteRange;
  readonly refcountTable: ByteRange;
  readonly snapshotCount: number;
  readonly snapshotsOffset: number;
  readonly refcountOrder: number;
  readonly isDirty: boolean;
  readonly isCorrupt: boolean;
  readonly hasDataFile: boolean;
  readonly hasExtendedL2: boolean;
  /** 0 zlib, 1 zstd. */
  readonly compressionType: number;
  /** Null when the image has none, or when the autoclear bit says that they are out of date. */
  readonly bitmapDirectory: (ByteRange & { readonly count: number }) | null;
  readonly encryptionHeader: ByteRange | null;
  /** Header fields that contradict the specification, though the tables can be found without them. */
  readonly badFields: readonly BadField[];
}

export interface BadField {
  readonly offset: number;
  readonly expected: string;
  readonly found: number | string;
}

const MAGIC = 0x514649fb;
const KNOWN_INCOMPATIBLE = 31;
const BITMAPS_EXTENSION = 0x23852875;
const ENCRYPTION_EXTENSION = 0x0537be77;
const DATA_FILE_NAME_EXTENSION = 0x44415441;

/** Reads the header. Throws one CORRUPT or UNSUPPORTED error when the image cannot be interpreted at all. */
export function readImageShape(file: BlockFile): ImageShape {
  const fileBytes = file.sizeBytes();
  const bytes = new Uint8Array(512);
  file.read(0, bytes, 'header');
  const view = new DataView(bytes.buffer);
  const fail = (code: Qcow2ErrorCode, message: string, offset: number): never => {
    throw new Qcow2Error(code, `${file.name}: ${message}`, { file: file.name, table: 'header', offset });
  };
  if (view.getUint32(0) !== MAGIC) fail('CORRUPT', 'image is not in qcow2 format', 0);
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) fail('UNSUPPORTED', `unsupported qcow2 version ${version}`, 4);
  const clusterBits = view.getUint32(20);
  if (clusterBits < 9 || clusterBits > 21) fail('UNSUPPORTED', `unsupported cluster size 2^${clusterBits}`, 20);
  const headerLength = version === 3 ? view.getUint32(100) : 72;
  const shortest = version === 3 ? 104 : 72;
  if (fileBytes < shortest || headerLength < shortest) {
    fail('CORRUPT', `qcow2 header too short (${Math.min(fileBytes, headerLength)} bytes)`, 100);
  }
  if (headerLength > 2 ** clusterBits) fail('CORRUPT', 'qcow2 header exceeds cluster size', 100);
  const features = version === 3 ? view.getUint32(76) : 0;
  if (version === 3 && (view.getUint32(72) !== 0 || features > KNOWN_INCOMPATIBLE)) {
    fail('UNSUPPORTED', `unsupported qcow2 feature bits 0x${view.getBigUint64(72).toString(16)}`, 72);
  }
  const refcountOrder = version === 3 ? view.getUint32(96) : 4;
  if (refcountOrder > 6) fail('CORRUPT', `reference count width 2^${refcountOrder} too large`, 96);
  const compressionType = version === 3 && headerLength > 104 ? view.getUint8(104) : 0;
  const bitmapsAreCurrent = version === 3 && (view.getUint8(95) & 1) === 1;
  const extensions = readExtensions(file, headerLength, uint64(view, 8), 2 ** clusterBits, bitmapsAreCurrent);
  const badFields = badFixedFields(view, 2 ** clusterBits, features, compressionType);
  if (extensions.badExtension !== null) badFields.push(extensions.badExtension);
  else badFields.push(...missingExtensions(view, features, extensions));
  return {
    ...fixedFields(view, file, fileBytes),
    ...featureFields(features),
    refcountOrder,
    compressionType,
    bitmapDirectory: extensions.bitmapDirectory,
    encryptionHeader: extensions.encryptionHeader,
    badFields,
  };
}

function badFixedFields(view: DataView, clusterBytes: number, features: number, compressionType: number): BadField[] {
  const bad: BadField[] = [];
  const expect = (isGood: boolean, offset: number, expected: string, found: number | string) => {
    if (!isGood) bad.push({ offset, expected, found });
  };
  const nameOffset = uint64(view, 8);
  const nameBytes = view.getUint32(16);
  expect(nameOffset <= clusterBytes, 8, 'a backing file name in the first cluster', uint64Text(view, 8));
  const nameFits = nameOffset === 0 || nameBytes <= Math.min(1023, Math.max(0, clusterBytes - nameOffset));
  expect(nameFits, 16, 'a backing file name of at most 1023 bytes in the first cluster', nameBytes);
  expect(view.getUint32(32) <= 2, 32, 'encryption method 0, 1 or 2', view.getUint32(32));
  const hasCompressionBit = (features & 8) !== 0;
  expect(
    hasCompressionBit ? compressionType === 1 : compressionType === 0,
    104,
    'the type of the feature bit',
    compressionType,
  );
  return bad;
}

function fixedFields(view: DataView, file: BlockFile, fileBytes: number) {
  const clusterBits = view.getUint32(20);
  const clusterBytes = 2 ** clusterBits;
  return {
    fileName: file.name,
    fileBytes,
    version: view.getUint32(4),
    clusterBits,
    clusterBytes,
    sizeBytes: uint64(view, 24),
    sizeText: uint64Text(view, 24),
    l1: { offset: uint64(view, 40), lengthBytes: view.getUint32(36) * 8 },
    refcountTable: { offset: uint64(view, 48), lengthBytes: view.getUint32(56) * clusterBytes },
    snapshotCount: view.getUint32(60),
    snapshotsOffset: uint64(view, 64),
  };
}

function featureFields(features: number) {
  return {
    isDirty: (features & 1) !== 0,
    isCorrupt: (features & 2) !== 0,
    hasDataFile: (features & 4) !== 0,
    hasExtendedL2: (features & 16) !== 0,
  };
}

interface Extensions extends Pick<ImageShape, 'bitmapDirectory' | 'encryptionHeader'> {
  readonly hasDataFileName: boolean;
  readonly badExtension: BadField | null;
}

function missingExtensions(view: DataView, features: number, extensions: Extensions): BadField[] {
  const missing: BadField[] = [];
  if (view.getUint32(32) === 2 && extensions.encryptionHeader === null) {
    missing.push({ offset: 32, expected: 'an encryption header extension', found: 'none' });
  }
  if ((features & 4) !== 0 && !extensions.hasDataFileName) {
    missing.push({ offset: 72, expected: 'a data file name extension', found: 'none' });
  }
  return missing;
}

/** Only what owns clusters or is required matters here; after an extension that does not fit nothing can be found. */
function readExtensions(
  file: BlockFile,
  start: number,
  backingNameOffset: number,
  clusterBytes: number,
  bitmapsAreCurrent: boolean,
): Extensions {
  const end = backingNameOffset > 0 ? Math.min(backingNameOffset, clusterBytes) : clusterBytes;
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  let bitmapDirectory: ImageShape['bitmapDirectory'] = null;
  let encryptionHeader: ImageShape['encryptionHeader'] = null;
  let hasDataFileName = false;
  let badExtension: BadField | null = null;
  for (let at = start; at < end; ) {
    file.read(at, bytes.subarray(0, 8), 'header');
    const type = view.getUint32(0);
    const length = view.getUint32(4);
    if (end - at < 8 || length > end - at - 8) {
      badExtension = { offset: at, expected: 'a header extension that fits', found: `${length} bytes` };
    }
    if (type === 0 || badExtension !== null) break;
    file.read(at + 8, bytes, 'header');
    if (type === BITMAPS_EXTENSION && length >= 24 && bitmapsAreCurrent) {
      bitmapDirectory = { count: view.getUint32(0), lengthBytes: uint64(view, 8), offset: uint64(view, 16) };
    }
    if (type === ENCRYPTION_EXTENSION && length >= 16) {
      encryptionHeader = { offset: uint64(view, 0), lengthBytes: uint64(view, 8) };
    }
    if (type === DATA_FILE_NAME_EXTENSION) hasDataFileName = true;
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return { bitmapDirectory, encryptionHeader, hasDataFileName, badExtension };
}

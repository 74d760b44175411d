/**
 * Opening the images that a command names. The words on the command line are the user's own; names inside an image are not,
 * and are followed only into the folders that the user allows.
 */
import fs from 'node:fs';
import path from 'node:path';
import {
  type BlockFile,
  describeImage,
  type FileUse,
  fileBeside,
  type GuestDisk,
  type HostCacheMode,
  identifyFile,
  type OpenFileOptions,
  type OpenImageFileOptions,
  openFile,
  openImage,
  openImageFile,
  Qcow2Error,
  type Qcow2Image,
  RawDisk,
} from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { unknownWord } from '../console/suggest.ts';
import { foreignFormat } from './foreign-formats.ts';
import { printable } from './printable.ts';
import { snapshotToRead } from './snapshot-choice.ts';

const IMAGE_FORMATS = ['raw', 'qcow2'] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

/** Which files besides those on the command line may be opened. */
export interface Access {
  readonly allowBacking: boolean;
  /** Folders; none given: the folder of each image itself. */
  readonly folders: readonly string[];
  /** Reads although another program may be writing. */
  readonly forceShare: boolean;
  /** Takes a line about a choice that could have been meant otherwise. */
  readonly warn: (line: string) => void;
}

export interface OpenDiskOptions {
  readonly access: Access;
  /** Undefined: detected from the magic. */
  readonly format?: ImageFormat | undefined;
  readonly mode?: HostCacheMode | undefined;
  /** Name or id of the snapshot to read instead of the disk as it is now. */
  readonly snapshot?: string | undefined;
  /** For a qcow2 image: how the engine is to work on it. */
  readonly engine?: Pick<OpenImageFileOptions, 'policy' | 'reserve' | 'wrapFile'>;
}

const QCOW2_MAGIC = Uint8Array.of(0x51, 0x46, 0x49, 0xfb);

/** The format that a word names. */
export function imageFormat(option: string, text: string): ImageFormat {
  const found = IMAGE_FORMATS.find((format) => format === text);
  if (found !== undefined) return found;
  throw new UsageError(unknownWord(option, text, IMAGE_FORMATS));
}

/**
 * What the file's own bytes say: only for files that the user named. Throws UsageError for a container of another program, and for
 * anything but a regular file.
 */
export function formatOf(filePath: string): ImageFormat {
  const file = openRegularFile(filePath);
  try {
    const foreign = foreignFormat(file);
    if (foreign !== null) {
      const message = `${printable(filePath)} is a ${foreign} image, which cowbench does not read: convert it with qemu-img first`;
      throw new UsageError(`${message}, or take its bytes for a raw disk with -f raw`);
    }
    const magic = new Uint8Array(4);
    file.read(0, magic, 'header');
    return magic.every((byte, index) => byte === QCOW2_MAGIC[index]) ? 'qcow2' : 'raw';
  } finally {
    file.close();
  }
}

/** Throws UsageError, saying `why`, for a raw image. */
export function qcow2Only(filePath: string, format: ImageFormat | undefined, why: string): void {
  if ((format ?? formatOf(filePath)) === 'raw') throw new UsageError(`${printable(filePath)}: ${why}`);
}

/**
 * The file alone, for a look at its header unless `use` says more; never a device or a pipe, which could block or be written by
 * accident. A look needs no lock.
 */
export function openRegularFile(filePath: string, use?: FileUse, access?: Access): BlockFile {
  identifyFile(filePath);
  if (use === undefined) return openFile(filePath, { readOnly: true });
  return openFile(filePath, { readOnly: use.endsWith('-read'), ...lockedFor(use, filePath, access!) });
}

/** The options that lock a file for `use`. Throws UsageError when a writer wants to share. */
export function lockedFor(
  use: FileUse,
  filePath: string,
  access: Access,
): Pick<OpenFileOptions, 'lock' | 'onUnlocked'> {
  if (access.forceShare && !use.endsWith('-read')) throw forcedWriter(filePath);
  return { lock: access.forceShare ? 'forced-read' : use, onUnlocked: (why) => tellUnlocked(filePath, why, access) };
}

function forcedWriter(filePath: string): UsageError {
  return new UsageError(`--force-share: ${printable(filePath)} is to be written, and only a reader can share it`);
}

const told = new Set<string>();

function tellUnlocked(filePath: string, why: string, { warn }: Access): void {
  if (told.has(filePath)) return;
  told.add(filePath);
  warn(`${printable(filePath)}: nothing keeps other programs from using it meanwhile: ${why}`);
}

/** The disk that an image holds, with its backing files, for reading. */
export function openDisk(filePath: string, options: OpenDiskOptions): RawDisk | Qcow2Image {
  const format = options.format ?? formatOf(filePath);
  if (format === 'qcow2') return openQcow2(filePath, options, true);
  if (options.snapshot !== undefined) throw new UsageError(`${filePath}: a raw image has no snapshots`);
  identifyFile(filePath);
  const { mode = 'writeback', access } = options;
  return new RawDisk(openFile(filePath, { readOnly: true, mode, ...lockedFor('raw-read', filePath, access) }));
}

/** A qcow2 image with its backing files; only the image itself is opened for writing. */
export function openQcow2(filePath: string, options: OpenDiskOptions, readOnly: boolean): Qcow2Image {
  const { access, mode = 'writeback', snapshot, engine } = options;
  if (!access.allowBacking) refuseNeedingOthers(filePath);
  const folders = allowedFolders(filePath, access);
  const image = openImageFile(filePath, {
    mode,
    readOnly,
    ...sharing(filePath, access, readOnly),
    ...engine,
    ...(folders === null ? {} : { allowedFolders: folders }),
  });
  warnOfForeignBacking(image, access.warn);
  if (snapshot === undefined) return image;
  try {
    return image.openSnapshot(snapshotToRead(image.listSnapshots(), snapshot, access.warn));
  } catch (error) {
    image.close();
    throw error;
  }
}

/** A qcow2 image over `backing` instead of what its header names, which is not opened. */
export function openOver(
  filePath: string,
  backing: GuestDisk,
  { access, mode = 'writeback' }: OpenDiskOptions,
  readOnly: boolean,
): Qcow2Image {
  const folders = allowedFolders(filePath, access);
  return openImageFile(filePath, {
    ...{ backing, mode, readOnly },
    ...sharing(filePath, access, readOnly),
    ...(folders === null ? {} : { allowedFolders: folders }),
  });
}

/** For what looks at no guest data (snapshots, bitmaps): a backing file is not opened, so it needs no permission. */
export function openWithoutBacking(filePath: string, access: Access, readOnly: boolean): Qcow2Image {
  const file = openRegularFile(filePath);
  const { backingFile, hasDataFile } = describeImage(file);
  file.close();
  if (backingFile === null || hasDataFile) return openQcow2(filePath, { access }, readOnly);
  const use = readOnly ? 'image-read' : 'image-write';
  return openImage(openFile(filePath, { readOnly, ...lockedFor(use, filePath, access) }), {
    backing: new UnopenedDisk(filePath),
  });
}

class UnopenedDisk implements GuestDisk {
  readonly sizeBytes = 0;
  readonly #image: string;

  constructor(image: string) {
    this.#image = image;
  }

  read(): void {
    throw new Error(`the backing file of ${this.#image} was read by an operation on its tables`);
  }
}

function sharing(
  filePath: string,
  access: Access,
  readOnly: boolean,
): Pick<OpenImageFileOptions, 'locks' | 'onUnlocked'> {
  if (access.forceShare && !readOnly) throw forcedWriter(filePath);
  const onUnlocked = (why: string) => tellUnlocked(filePath, why, access);
  return { locks: access.forceShare ? 'force-share' : 'take', onUnlocked };
}

/** Uses `disk` and closes it. Of two errors the first is thrown: that closing fails too is what came of it. */
export function usingDisk<Result>(disk: { close(): void }, use: () => Result): Result {
  let result: Result;
  try {
    result = use();
  } catch (error) {
    try {
      disk.close();
    } catch (second) {
      if (!(second instanceof Qcow2Error)) throw second;
    }
    throw error;
  }
  disk.close();
  return result;
}

/** Says which option it takes, where the engine can only say that it is not allowed. */
function refuseNeedingOthers(filePath: string): void {
  const file = openRegularFile(filePath);
  try {
    const { backingFile, hasDataFile, dataFile } = describeImage(file);
    const needed = backingFile ?? (hasDataFile ? dataFile : null);
    if (needed === null) return;
    const what = backingFile === null ? 'data file' : 'backing file';
    throw new UsageError(
      `${printable(filePath)} needs its ${what} "${printable(needed)}", and opens it only with --allow-backing or --allow-folder`,
    );
  } finally {
    file.close();
  }
}

function warnOfForeignBacking({ backing }: Qcow2Image, warn: (line: string) => void): void {
  if (backing === null) return;
  if (backing instanceof RawDisk) warnOfForeignRaw(backing.fileName, warn);
  else if ('backing' in backing) warnOfForeignBacking(backing as Qcow2Image, warn);
}

/** A name with `raw` next to it insists, but may have been written by somebody who did not look. */
export function warnOfForeignRaw(filePath: string, warn: (line: string) => void): void {
  const file = openRegularFile(filePath);
  try {
    const foreign = foreignFormat(file);
    if (foreign !== null)
      warn(
        `${printable(filePath)} is a ${foreign} image; as a raw backing file its own bytes show, not the disk in it`,
      );
  } finally {
    file.close();
  }
}

/** Null: no name in the image may be followed. */
function allowedFolders(filePath: string, access: Access): string[] | null {
  if (!access.allowBacking) return null;
  // Names start at the folder of the name that was given; what is linked there often lies next to the image itself.
  if (access.folders.length === 0)
    return [realFolder(path.dirname(filePath)), path.dirname(identifyFile(filePath).path)];
  return access.folders.map((folder) => realFolder(folder));
}

function realFolder(folder: string): string {
  const real = fs.existsSync(folder) ? fs.realpathSync(folder) : null;
  if (real !== null && fs.statSync(real).isDirectory()) return real;
  throw new UsageError(`--allow-folder ${JSON.stringify(folder)}: there is no such folder`);
}

/** What lies directly under a disk. */
export function backingOf(disk: GuestDisk): GuestDisk | null {
  return 'backing' in disk ? (disk.backing as GuestDisk | null) : null;
}

/** By the names under which the files of a chain are open: those by which `filePath` and each image lead to them. */
export function chainNames(filePath: string, disk: GuestDisk): Map<string, string> {
  const names = new Map<string, string>();
  let shown = filePath;
  for (let at: GuestDisk | null = disk; at !== null; at = backingOf(at)) {
    names.set(filesOf(at)[0]!, shown);
    if ('backingFileName' in at && at.backingFileName !== null) shown = fileBeside(shown, String(at.backingFileName));
  }
  return names;
}

/** The files of a chain, the image itself first. */
export function filesOf(disk: GuestDisk | null): string[] {
  if (disk === null) return [];
  const names = 'fileName' in disk ? [String(disk.fileName)] : [];
  const dataFile = 'dataFileName' in disk ? [String(disk.dataFileName)] : [];
  return [...new Set([...names, ...dataFile, ...filesOf(backingOf(disk))])];
}

/** Throws UsageError when `target` exists and is one of the files that a new image would be made from or stand on. */
export function refuseReplacing(target: string, needed: readonly string[]): void {
  if (!fs.existsSync(target)) return;
  const { key } = identifyFile(target);
  if (needed.every((name) => identifyFile(name).key !== key)) return;
  throw new UsageError(`${printable(target)} would be replaced, but the new image needs what it holds now`);
}

/**
 * Opening an image by path, with what its header names: backing files and an external data file. An image can come from
 * anywhere, so a name in it is followed only when the caller allows it, only into allowed folders, only to regular files, and
 * never by guessing a format (a guest can write a qcow2 header into a raw disk).
 */
import path from 'node:path';
import { Qcow2Error } from '../base/errors.ts';
import type { GuestDisk } from '../disk/device.ts';
import { RawDisk } from '../disk/raw-disk.ts';
import { type Header, INCOMPATIBLE } from '../format/header.ts';
import type { BlockFile, HostCacheMode } from '../io/block-file.ts';
import { openFile } from '../io/file.ts';
import { type FileIdentity, fileBeside, identifyFile } from '../io/file-identity.ts';
import type { FileUse } from '../io/file-locks.ts';
import { peekHeader } from './metadata.ts';
import type { OpenOptions } from './open.ts';
import { openImage, type Qcow2Image } from './qcow2-image.ts';

/** How an image and the files that it names are opened; everything has a default. */
export interface OpenImageFileOptions extends Omit<OpenOptions, 'dataFile'> {
  /** How the host caches the files of the chain. Default `writeback`. */
  readonly mode?: HostCacheMode;
  readonly readOnly?: boolean;
  /** Folders into which names in image headers may lead. Default: none, and an image that needs another file is refused. */
  readonly allowedFolders?: readonly string[];
  /** What is to lie under the image instead of the file that it names, which is then not opened. Closed with the image. */
  readonly backing?: GuestDisk;
  /**
   * `take` (the default): other programs that heed QEMU's locks cannot change what is read, nor use what is written. `force-share`,
   * for reading only: although another program may be writing. `none`: nothing is locked.
   */
  readonly locks?: 'take' | 'force-share' | 'none';
  /** Called with the reason why nothing is locked, where the platform or the file system has no such locks. */
  readonly onUnlocked?: (why: string) => void;
  /** Put around the file of the image itself, to count or to trace what it does. */
  readonly wrapFile?: (file: BlockFile) => BlockFile;
}

/** Longer chains are refused: real ones have a handful of images, a hostile one could be endless. */
const CHAIN_LENGTH_MAX = 64;

/**
 * Opens the image at `imagePath` and its backing files; {@link Qcow2Image.close} closes all of it.
 * @throws Qcow2Error as {@link openImage}; IN_USE when locks of another program rule it out; INVALID_ARGUMENT for a name that may not be followed, CORRUPT for a chain that loops.
 */
export function openImageFile(imagePath: string, options: OpenImageFileOptions = {}): Qcow2Image {
  if (options.locks === 'force-share' && options.readOnly !== true) {
    throw new Qcow2Error('INVALID_ARGUMENT', `${imagePath}: only a reader can force sharing`, { file: imagePath });
  }
  return openLink({ ...identifyFile(imagePath), name: imagePath }, imagePath, options, []);
}

function asItIs(file: BlockFile): BlockFile {
  return file;
}

/** A file of a chain: which it is, and the name by which the chain leads to it, where relative names in it start. */
interface NamedFile extends FileIdentity {
  readonly name: string;
}

function openLink(
  identity: NamedFile,
  filePath: string,
  options: OpenImageFileOptions,
  chain: readonly string[],
): Qcow2Image {
  const {
    mode = 'writeback',
    readOnly = false,
    allowedFolders,
    wrapFile,
    locks: _,
    onUnlocked: _tell,
    ...rest
  } = options;
  const file = (wrapFile ?? asItIs)(
    openFile(filePath, { mode, readOnly, ...locking(options, readOnly ? 'image-read' : 'image-write') }),
  );
  const opened: GuestDisk[] = [];
  try {
    const header = peekHeader(file);
    const links = [...chain, identity.key];
    const backing = openBacking(header, identity, options, links);
    if (backing !== null) opened.push(backing);
    const dataFile = openDataFile(header, identity, options, links);
    return openImage(file, {
      ...rest,
      ...(backing === null ? {} : { backing }),
      ...(dataFile === null ? {} : { dataFile }),
    });
  } catch (error) {
    file.close();
    for (const disk of opened) disk.close?.();
    throw error;
  }
}

function openBacking(
  header: Header,
  image: NamedFile,
  options: OpenImageFileOptions,
  chain: readonly string[],
): GuestDisk | null {
  if (header.backingFileName === null || options.allowedFolders === undefined || options.backing !== undefined)
    return null;
  const identity = follow(header.backingFileName, image, options.allowedFolders, chain, 'backing file');
  if (header.backingFormat === 'raw')
    return new RawDisk(openFile(identity.path, { readOnly: true, ...locking(options, 'raw-read') }));
  if (header.backingFormat === 'qcow2')
    return openLink(identity, identity.path, { ...options, readOnly: true, wrapFile: asItIs }, chain);
  const found = header.backingFormat === null ? 'no format' : `format ${JSON.stringify(header.backingFormat)}`;
  const message = `${image.path}: the image names ${found} for its backing file; raw and qcow2 can be opened, and nothing is guessed`;
  throw new Qcow2Error('INVALID_ARGUMENT', message, { file: image.path });
}

function openDataFile(header: Header, image: NamedFile, options: OpenImageFileOptions, chain: readonly string[]) {
  if ((header.incompatibleFeatures & INCOMPATIBLE.dataFile) === 0n || options.allowedFolders === undefined) return null;
  if (header.dataFileName === null) {
    throw new Qcow2Error(
      'INVALID_ARGUMENT',
      `${image.path}: 'data-file' is required for this image, and it names none`,
    );
  }
  const identity = follow(header.dataFileName, image, options.allowedFolders, chain, 'data file');
  const { mode = 'writeback', readOnly = false } = options;
  return openFile(identity.path, { mode, readOnly, ...locking(options, readOnly ? 'raw-read' : 'raw-write') });
}

function locking({ locks = 'take', onUnlocked }: OpenImageFileOptions, use: FileUse) {
  if (locks === 'none') return {};
  return { lock: locks === 'take' ? use : 'forced-read', ...(onUnlocked !== undefined && { onUnlocked }) } as const;
}

/** The file that a name in an image's header leads to, if it may be opened. */
function follow(
  name: string,
  image: NamedFile,
  allowedFolders: readonly string[],
  chain: readonly string[],
  what: string,
): NamedFile {
  const refuse = (code: 'INVALID_ARGUMENT' | 'CORRUPT', why: string): never => {
    throw new Qcow2Error(code, `${image.path}: ${what} ${JSON.stringify(name)} ${why}`, { file: image.path });
  };
  if (/^[a-z][a-z0-9+.-]*:/i.test(name)) refuse('INVALID_ARGUMENT', 'names a protocol, which is never followed');
  const beside = fileBeside(image.name, name);
  const identity = { ...identifyFile(beside), name: beside };
  if (!allowedFolders.some((folder) => isInside(identity.path, folder)))
    refuse('INVALID_ARGUMENT', 'is outside the allowed folders');
  if (chain.includes(identity.key)) refuse('CORRUPT', 'creates an infinite loop');
  if (chain.length >= CHAIN_LENGTH_MAX)
    refuse('CORRUPT', `is number ${chain.length} of its chain; the limit is ${CHAIN_LENGTH_MAX}`);
  return identity;
}

function isInside(filePath: string, folder: string): boolean {
  const relative = path.relative(path.resolve(folder), filePath);
  return relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative);
}

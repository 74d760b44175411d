/**
 * A file that is made under a temporary name in its folder and gets its own name only when it is complete: whoever looks sees
 * the old file, or the new one, or none, but never half of one.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { type BlockFile, fileBeside, openFile, Qcow2Error } from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { printable } from './printable.ts';

export class AtomicFile {
  /** Where the file will be; links resolved, so that a link to an image stays one. */
  readonly finalPath: string;
  /** Where it is until {@link commit}. Created empty. */
  readonly path: string;
  readonly #mode: number | null;
  /** What is replaced, if there is something: locked, so that nobody continues using what no name leads to any more. */
  readonly #replaced: BlockFile | null;
  #isPending = true;

  /** Throws UsageError when `wanted` is something else than a regular file, or its folder cannot be written to. */
  constructor(wanted: string) {
    const present = fs.statSync(wanted, { throwIfNoEntry: false });
    if (present !== undefined && !present.isFile()) {
      throw new UsageError(`${printable(wanted)} is not a regular file and will not be replaced`);
    }
    this.finalPath = present === undefined ? absentPath(wanted) : fs.realpathSync.native(wanted);
    this.#mode = present === undefined ? null : present.mode;
    this.#replaced = present === undefined ? null : lockedWhereReadable(this.finalPath);
    this.path = path.join(path.dirname(this.finalPath), `.cowbench-${randomBytes(6).toString('hex')}.tmp`);
    try {
      fs.closeSync(fs.openSync(this.path, 'wx'));
    } catch (error) {
      this.#replaced?.close();
      const { code } = error as NodeJS.ErrnoException;
      const isThere = fs.existsSync(path.dirname(this.path));
      const noEntry = isThere ? 'nothing can be created in its folder' : 'there is no such folder';
      throw new UsageError(`cannot create ${printable(wanted)}: ${code === 'ENOENT' ? noEntry : code}`);
    }
  }

  /** Gives the file its name, durably. Its content must be durable already. */
  commit(): void {
    if (this.#mode !== null) fs.chmodSync(this.path, this.#mode);
    fs.renameSync(this.path, this.finalPath);
    this.#isPending = false;
    this.#replaced?.close();
    const folder = fs.openSync(path.dirname(this.finalPath), 'r');
    fs.fsyncSync(folder);
    fs.closeSync(folder);
  }

  /** Removes what was not committed. */
  [Symbol.dispose](): void {
    if (this.#isPending) fs.rmSync(this.path, { force: true });
    this.#replaced?.close();
    this.#isPending = false;
  }
}

/** Throws Qcow2Error IN_USE. A file that may be replaced but not read cannot be asked. */
function lockedWhereReadable(filePath: string): BlockFile | null {
  try {
    return openFile(filePath, { readOnly: true, lock: 'raw-write' });
  } catch (error) {
    if (error instanceof Qcow2Error && error.code === 'IO') return null;
    throw error;
  }
}

const LINKS_MAX = 40;

/** Where a file of the name `wanted` will be made: at the end of its links, if it is one that leads to nothing yet. */
function absentPath(wanted: string): string {
  let name = wanted;
  for (let links = 0; links < LINKS_MAX; links++) {
    const isLink = fs.lstatSync(name, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    if (!isLink) break;
    name = fileBeside(name, fs.readlinkSync(name));
  }
  const folder = path.dirname(name);
  return fs.existsSync(folder) ? path.join(fs.realpathSync.native(folder), path.basename(name)) : path.resolve(name);
}

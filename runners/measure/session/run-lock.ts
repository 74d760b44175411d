/**
 * Keeps two processes from continuing the same run: each would overwrite what the other has measured.
 *
 * Invariants:
 *  1. A lock file names its holder from the moment it exists: it is made whole and then linked to its name, which fails where
 *     that name is taken.
 *  2. The lock of a dead process is removed only by the one process that has made the *burial* file named after it, and only
 *     while it still is that dead process's: two that find it dead at once cannot remove each other's new lock.
 */
import fs from 'node:fs';
import path from 'node:path';
import { cannotWrite, makeFolder } from '../../../results/store.ts';
import { oneLine, UsageError } from '../../console/errors.ts';

export class RunLock {
  readonly #file: string;
  readonly #onExit = () => this.release();

  /**
   * Takes the lock `file`; its folder is made.
   * @throws UsageError when a living process holds it, RecordError when the file system refuses.
   */
  constructor(file: string) {
    this.#file = file;
    try {
      makeFolder(path.dirname(file));
      if (!link(file)) {
        bury(file, holderOf(file));
        if (!link(file)) throw inUse(file, holderOf(file));
      }
    } catch (error) {
      throw error instanceof UsageError ? error : cannotWrite(file, error);
    }
    process.once('exit', this.#onExit);
  }

  /** Another process may take it from now on. */
  release(): void {
    process.removeListener('exit', this.#onExit);
    fs.rmSync(this.#file, { force: true });
  }
}

/** Makes the lock, in this process's name; false when there is one. */
function link(file: string): boolean {
  const whole = `${file}.${process.pid}.tmp`;
  fs.writeFileSync(whole, `${process.pid} ${startOf(process.pid) ?? ''}\n`);
  try {
    fs.linkSync(whole, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    fs.rmSync(whole, { force: true });
  }
}

interface Holder {
  readonly pid: number;
  /** When the process started, in the kernel's ticks: numbers of processes are used again. Empty where that is not known. */
  readonly start: string;
}

/** Null when the lock has just been released. */
function holderOf(file: string): Holder | null {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const [, pid, start] = /^([1-9]\d{0,9}) (\d*)\n$/.exec(text) ?? [];
  if (pid === undefined) throw new UsageError(`${file} is not a lock of this program; remove it`);
  return { pid: Number(pid), start: start! };
}

/** Removes the lock of a dead holder. Throws UsageError when it lives, or when another process is removing it. */
function bury(file: string, holder: Holder | null): void {
  if (holder === null) return;
  if (isAlive(holder)) throw inUse(file, holder);
  const burial = `${file}.${holder.pid}-${holder.start}`;
  try {
    fs.closeSync(fs.openSync(burial, 'wx'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new UsageError(`another process is taking over ${file}; if none is, remove ${path.basename(burial)}`);
  }
  const now = holderOf(file);
  if (now !== null && now.pid === holder.pid && now.start === holder.start) fs.rmSync(file);
  fs.rmSync(burial);
}

function inUse(file: string, holder: Holder | null): UsageError {
  const who = holder === null ? 'another process' : `process ${holder.pid}`;
  return new UsageError(`--resume: ${who} is measuring this run already (${oneLine(file)})`);
}

function isAlive({ pid, start }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = startOf(pid);
  return now === null || start === '' || now === start;
}

/** Field 22 of /proc/PID/stat; the second, in parentheses, may hold spaces. Null where it cannot be read. */
function startOf(pid: number): string | null {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

/** Whether the storage can give what a reserve asks for, found out before anything is written. */
import fs from 'node:fs';
import path from 'node:path';
import { MiB, openFile, Qcow2Error, type ReserveOptions } from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';

/** Enough to see whether the file system takes space ahead of writes at all. */
const TRIAL_BYTES = 4096;

/** @throws UsageError in one line for a reserve above the free space of `folder`, and for a preparation that its file system refuses. */
export function requireReserveRoom(folder: string, { maxBytes, preparation }: ReserveOptions): void {
  const freeBytes = freeIn(folder);
  if (maxBytes !== undefined && maxBytes > freeBytes) {
    throw new UsageError(
      `--reserve: ${mebibytes(maxBytes)} are asked for, and ${mebibytes(freeBytes)} are free in ${folder}`,
    );
  }
  if (preparation === 'fallocate' && !takesSpace(folder))
    throw new UsageError(`--preparation fallocate: the file system of ${folder} cannot take space ahead of writes`);
}

function freeIn(folder: string): number {
  try {
    const { bavail, bsize } = fs.statfsSync(folder);
    return bavail * bsize;
  } catch (error) {
    throw new UsageError(`--reserve: ${folder}: ${(error as Error).message}`, { cause: error });
  }
}

function takesSpace(folder: string): boolean {
  const trial = path.join(folder, `.cowbench-trial-${process.pid}`);
  try {
    const file = openFile(trial, { create: true });
    try {
      return file.preallocate(0, TRIAL_BYTES);
    } finally {
      file.close();
    }
  } catch (error) {
    if (!(error instanceof Qcow2Error)) throw error;
    throw new UsageError(`--preparation fallocate: ${error.message}`, { cause: error });
  } finally {
    fs.rmSync(trial, { force: true });
  }
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / MiB)} MiB`;
}

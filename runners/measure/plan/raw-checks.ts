/** What a raw file, or a server of a disk, cannot do, found out before anything is measured: image requests, space that is not there or cannot be reserved. */
import fs from 'node:fs';
import path from 'node:path';
import { MiB, openFile, Qcow2Error } from '../../../engine/index.ts';
import { UsageError } from '../../console/errors.ts';
import { firstImageRequest } from '../../sample/raw-file.ts';
import { openWorkload } from '../../sample/workload-choice.ts';
import { type BenchPlan, type PlannedCell, type RawCell, workloadOf } from './plan.ts';

/** Enough to see whether the file system reserves space at all. */
const TRIAL_BYTES = 4096;

/**
 * Checks the cells of `plan` that serve a plain disk against its requests and the file system of `folder`.
 * @throws UsageError in one line that names the cell's option.
 */
export async function requirePlainCells(plan: BenchPlan, folder: string): Promise<void> {
  for (const cells of Map.groupBy(plan.cells, ({ workload = 0 }) => workload).values()) {
    await requirePlain(plan, cells, folder);
  }
}

async function requirePlain(plan: BenchPlan, cells: readonly PlannedCell[], folder: string): Promise<void> {
  const plain = cells.find(({ engine }) => engine === 'raw' || engine === 'nbd');
  if (plain === undefined) return;
  const { workload, requests } = await openWorkload(workloadOf(plan, plain), plain.clusterSizeBytes);
  const op = (await firstImageRequest(workload.prepare())) ?? (await firstImageRequest(requests));
  if (op !== null)
    throw new UsageError(
      `--engine ${plain.engine}: workload ${workload.name} asks for ${op}, which only an image can do`,
    );
  const raw = cells.filter((cell): cell is RawCell => cell.engine === 'raw');
  if (raw.length === 0) return;
  const full = raw.find((cell) => cell.raw !== 'sparse' || workload.backingImage);
  if (full !== undefined) requireRoom(full, workload.diskSizeBytes, folder);
  const reserves = raw.some((cell) => cell.raw === 'falloc') && !workload.backingImage;
  requireFile(path.join(folder, 'trial'), workload.diskSizeBytes, reserves);
}

/** Makes the file as far as that takes no space, and removes it. */
function requireFile(trial: string, sizeBytes: number, reserves: boolean): void {
  const file = openFile(trial, { create: true });
  try {
    if (reserves && !file.preallocate(0, TRIAL_BYTES)) {
      throw new UsageError('--engine raw:falloc: the file system of the images cannot reserve space (see --dir)');
    }
    file.truncate(sizeBytes);
  } catch (error) {
    if (!(error instanceof Qcow2Error)) throw error;
    throw new UsageError(`--engine raw: the file of ${mebibytes(sizeBytes)} cannot be made: ${error.message}`);
  } finally {
    file.close();
    fs.rmSync(trial);
  }
}

function requireRoom({ raw }: RawCell, sizeBytes: number, folder: string): void {
  const { bavail, bsize } = fs.statfsSync(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes >= sizeBytes) return;
  const has = `${mebibytes(freeBytes)} are free where the images go (see --dir)`;
  throw new UsageError(`--engine raw:${raw}: the whole disk takes ${mebibytes(sizeBytes)}, and ${has}`);
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / MiB)} MiB`;
}

/**
 * Makes the image that a sample starts from: empty, over a backing image, or filled by the workload's preparation.
 * None of it is measured. Preparation runs in writeback, the fastest way to the same guest content.
 */
import {
  type BlockFile,
  createImage,
  type GuestDevice,
  type GuestDisk,
  type HostCacheMode,
  openFile,
  openImage,
  RawDisk,
} from '../../engine/index.ts';
import { fillGuestData } from '../../workloads/guest-data.ts';
import { BACKING_SERIAL, type Workload } from '../../workloads/workload.ts';
import type { Expectation } from './expectation.ts';
import type { CellChoice, OwnSampleJob, RawPreparation, ReportProgress } from './job.ts';
import { MeasuredClock } from './measured-clock.ts';
import { ObservedFile } from './observed-file.ts';
import { prepareRawFile } from './raw-file.ts';
import { Replay } from './replay.ts';
import { slices } from './slices.ts';

const FILL_BYTES = 4 * 1024 * 1024;

/** The backing image of a prepared image: to read from, and to close. */
export interface Backing {
  readonly disk: GuestDisk;
  close(): void;
}

/** Makes `job.imageFile`, durable; returns how many requests its preparation took. */
export async function prepareImage(
  job: OwnSampleJob,
  workload: Workload,
  expectation: Expectation,
  progress: ReportProgress,
): Promise<number> {
  const { cell, imageFile } = job;
  const file = openFile(imageFile, { mode: preparingMode(job), create: true });
  try {
    if ('raw' in cell) makeRawFile(file, job, workload, cell.raw);
    else makeImage(file, job, workload, cell);
    // Else the first sync of the replay would pay for making the image.
    file.sync('other');
  } finally {
    file.close();
  }
  if (!('raw' in cell)) preallocate(imageFile, cell);
  return runPreparation(job, workload, expectation, progress);
}

/** Without anything beneath it, a plain disk holds what an image would show of its backing image. */
function makeRawFile(file: BlockFile, job: OwnSampleJob, workload: Workload, how: RawPreparation): void {
  if (workload.backingImage) fillWithData(file, workload.diskSizeBytes, job.workload.seed);
  else prepareRawFile(file, workload.diskSizeBytes, how);
}

function makeImage(file: BlockFile, job: OwnSampleJob, workload: Workload, cell: CellChoice): void {
  const { version, clusterSizeBytes } = cell;
  if (workload.backingImage) fillBackingFile(backingPath(job.imageFile), workload.diskSizeBytes, job.workload.seed);
  createImage(file, {
    sizeBytes: workload.diskSizeBytes,
    version,
    clusterSizeBytes,
    ...cell.imageOptions?.create,
    ...(workload.backingImage && { backingFile: backingPath(job.imageFile), backingFormat: 'raw' as const }),
  });
}

function preallocate(imageFile: string, cell: CellChoice): void {
  const how = cell.imageOptions?.preallocation ?? 'off';
  if (how === 'off') return;
  const image = openImage(openFile(imageFile));
  image.preallocate(how);
  image.close();
}

async function runPreparation(
  job: OwnSampleJob,
  workload: Workload,
  expectation: Expectation,
  progress: ReportProgress,
): Promise<number> {
  const backing = openBacking(job, workload);
  const observed = new ObservedFile(openFile(job.imageFile, { mode: preparingMode(job) }), new MeasuredClock(), false);
  const open = (): GuestDevice =>
    'raw' in job.cell
      ? new RawDisk(observed.file)
      : openImage(observed.file, { policy: 'writeback', ...withBacking(backing) });
  const run = new Replay(observed, open);
  try {
    for await (const slice of slices(workload.prepare(), workload.diskSizeBytes, expectation, 0)) {
      if (run.served === 0) run.open();
      run.serve(slice);
      await progress('prepare', run.served);
    }
    if (run.served === 0) return 0;
    run.close();
    observed.file.sync('other');
    return run.served;
  } finally {
    observed.close();
    backing?.close();
  }
}

/** On a modelled device nothing has to be durable. */
function preparingMode(job: OwnSampleJob): HostCacheMode {
  return job.device === undefined ? 'writeback' : 'unsafe';
}

/** Opens the backing image of the sample for reading; null when the workload, or a raw file, has none. */
export function openBacking(job: OwnSampleJob, workload: Workload): Backing | null {
  if (!workload.backingImage || 'raw' in job.cell) return null;
  const file = openFile(backingPath(job.imageFile), { mode: 'writeback', readOnly: true });
  return {
    disk: { sizeBytes: workload.diskSizeBytes, read: (offset, into) => file.read(offset, into, 'data') },
    close: () => file.close(),
  };
}

/** The option that gives an image its backing disk. */
export function withBacking(backing: Backing | null): { backing?: GuestDisk } {
  return backing === null ? {} : { backing: backing.disk };
}

/** Path of the raw backing image that belongs to an image. */
export function backingPath(imageFile: string): string {
  return `${imageFile}.backing`;
}

function fillBackingFile(path: string, sizeBytes: number, seed: number): void {
  const file = openFile(path, { mode: 'writeback', create: true });
  try {
    fillWithData(file, sizeBytes, seed);
    file.sync('other');
  } finally {
    file.close();
  }
}

function fillWithData(file: BlockFile, sizeBytes: number, seed: number): void {
  const buffer = new Uint8Array(Math.min(FILL_BYTES, sizeBytes));
  for (let offset = 0; offset < sizeBytes; offset += buffer.length) {
    const bytes = buffer.subarray(0, Math.min(buffer.length, sizeBytes - offset));
    fillGuestData(bytes, BACKING_SERIAL, offset, seed);
    file.write(offset, bytes, 'data');
  }
}

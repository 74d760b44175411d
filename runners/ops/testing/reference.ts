/** The reference data: scripts, starting images, and the counts of the historical programs. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { OpsResult } from '../result.ts';
import { type OpScript, readScript } from '../script.ts';

const REFERENCE = path.join(import.meta.dirname, '../reference');

/** Stages whose counts were recorded in both modes; S3 is the same program as S2 but for its memory layout. */
export const RECORDED_STAGES = ['S0', 'S1', 'S2', 'S4a', 'S4b'] as const;
export const RECORDED_MODES = ['writethrough', 'writeback'] as const;

export type ReferenceRow = Omit<OpsResult, 'stage'> & { readonly stage: string };

/** The rows of the historical stages. */
export function referenceRows(): ReferenceRow[] {
  return allRows().filter(({ stage }) => RECORDED_STAGES.some((recorded) => recorded === stage));
}

/** The rows of Debian's QEMU 7.2. Their reads, unlike the others', include those of opening the image. */
export function rowsOfToday(): ReferenceRow[] {
  return allRows().filter(({ stage }) => stage === 'M');
}

function allRows(): ReferenceRow[] {
  return JSON.parse(fs.readFileSync(path.join(REFERENCE, 'counts.json'), 'utf8')) as ReferenceRow[];
}

export function referenceScript(name: string): OpScript {
  return readScript(path.join(REFERENCE, 'ops', `${name}.ops`));
}

/** The starting image of `script`, made by the period's own tool. */
export function referenceStart(script: OpScript): string {
  return path.join(REFERENCE, 'empty', `empty-v2-${script.sizeBytes}-${script.clusterSizeBytes}.qcow2.gz`);
}

export function referenceSequence(): string {
  return fs.readFileSync(path.join(REFERENCE, 'sequence-T1.txt'), 'utf8');
}

/** Runs `body` in a new directory, in memory where the platform has such a place, and removes it. */
export async function inFastDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const inMemory = '/dev/shm';
  const root = fs.existsSync(inMemory) ? inMemory : os.tmpdir();
  const directory = fs.mkdtempSync(path.join(root, 'cowbench-'));
  try {
    await body(directory);
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

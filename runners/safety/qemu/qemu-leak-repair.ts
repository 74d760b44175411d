/**
 * The promise in the words of another program: after a power cut, `qemu-img check -r leaks` leaves the image clean, and no guest byte of
 * the disk or of a snapshot has changed.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readRun } from '../judge/guest-content.ts';
import { GuestMapReader, type GuestRun, Unreadable } from '../judge/guest-map.ts';
import type { CrashRecording } from '../states/record-workload.ts';
import { StateFile } from '../states/state-file.ts';
import { newStates } from './sampled-states.ts';

/** Sums over the states in which one operation was the last begun. */
export interface LeakRepair {
  states: number;
  /** `qemu-img check` had something to say before. */
  unclean: number;
  /** After the repair it has nothing to say. */
  cleaned: number;
  /** The repair changed what the guest, or a snapshot, reads as. */
  changed: number;
}

const BATCH_STATES = 25;

/** One shell for a batch of files: exit codes of a check, the repair, and another check, a line for each file. */
const REPAIR_ALL =
  'for file; do qemu-img check -q -f qcow2 "$file" >/dev/null 2>&1; before=$?; ' +
  'qemu-img check -q -f qcow2 -r leaks "$file" >/dev/null 2>&1; ' +
  'qemu-img check -q -f qcow2 "$file" >/dev/null 2>&1; echo $before $?; done';

/** Repairs up to `most` states of each recording, no content twice; by operation. `signal` ends it after a batch. */
export async function repairLeaks(
  recordings: Iterable<CrashRecording>,
  most: number,
  signal?: AbortSignal,
): Promise<Map<string, LeakRepair>> {
  const folder = fs.mkdtempSync(path.join(fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir(), 'cowbench-'));
  const sums = new Map<string, LeakRepair>();
  let batch: { readonly op: string; readonly content: string }[] = [];
  const finish = async () => {
    const files = batch.map((_, index) => path.join(folder, `${index}.qcow2`));
    for (const [index, [before, after]] of (await repaired(files)).entries()) {
      const { op, content } = batch[index]!;
      const sum = sums.get(op) ?? { states: 0, unclean: 0, cleaned: 0, changed: 0 };
      sums.set(op, sum);
      sum.states++;
      if (before !== 0) sum.unclean++;
      if (before !== 0 && after === 0) sum.cleaned++;
      if (contentOf(new StateFile('repaired', fs.readFileSync(files[index]!))) !== content) sum.changed++;
    }
    batch = [];
  };
  try {
    const seen = new Set<string>();
    for (const recording of recordings) {
      for (const { state, request } of newStates(recording, most, seen)) {
        fs.writeFileSync(path.join(folder, `${batch.length}.qcow2`), state.copy());
        batch.push({ op: recording.values.requests[request]?.op ?? 'start', content: contentOf(state) });
        if (batch.length === BATCH_STATES) await finish();
        if (signal?.aborted) return sums;
      }
    }
    if (batch.length > 0) await finish();
    return sums;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** What the guest and each snapshot read as. */
function contentOf(state: StateFile): string {
  const hash = createHash('sha1');
  const add = (name: string, runs: readonly GuestRun[], reader: GuestMapReader) => {
    hash.update(`${name} ${runs.length}`);
    for (const run of runs) hash.update(`${run.guestSector} ${readRun(state, run, reader.usesZstd).join(' ')}`);
  };
  try {
    const reader = new GuestMapReader(state);
    add('disk', reader.disk(), reader);
    for (const { name, l1Offset, l1Entries } of reader.snapshots()) add(name, reader.map(l1Offset, l1Entries), reader);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return error.message;
  }
  return hash.digest('hex');
}

async function repaired(files: readonly string[]): Promise<[before: number, after: number][]> {
  const child = spawn('sh', ['-c', REPAIR_ALL, 'sh', ...files], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const part of child.stdout) text += part;
  const lines = text.trim().split('\n');
  return lines.map((line) => line.split(' ').map(Number) as [number, number]);
}

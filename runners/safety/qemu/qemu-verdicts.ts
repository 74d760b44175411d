/** Our checker next to the real `qemu-img check`, on the same crash states: in which do they disagree? */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { checkImage, Qcow2Error } from '../../../engine/index.ts';
import type { CrashRecording } from '../states/record-workload.ts';
import type { StateFile } from '../states/state-file.ts';
import { newStates } from './sampled-states.ts';

/** COPIED errors count as corruption here: qemu-img does not tell them apart. */
export type CheckOutcome = 'sound' | 'leaks' | 'corrupt' | 'unreadable';

/** States by `ours/theirs`. */
export type ConfusionMatrix = Map<string, number>;

const BATCH_STATES = 50;
const QEMU_OUTCOMES = new Map<number, CheckOutcome>([
  [0, 'sound'],
  [3, 'leaks'],
  [2, 'corrupt'],
  [1, 'unreadable'],
]);

/** One shell for a batch of files: their exit codes, a line each. */
const CHECK_ALL = 'for file; do qemu-img check -q -f qcow2 "$file" >/dev/null 2>&1; echo $?; done';

/**
 * Has up to `most` states of each recording, no content twice, checked by both; states lie in a folder in memory and are removed.
 * `signal` ends it after a batch.
 */
export async function compareCheckers(
  recordings: Iterable<CrashRecording>,
  most: number,
  signal?: AbortSignal,
): Promise<ConfusionMatrix> {
  const root = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir();
  const folder = fs.mkdtempSync(path.join(root, 'cowbench-'));
  const matrix: ConfusionMatrix = new Map();
  let batch: CheckOutcome[] = [];
  const finish = async () => {
    const files = batch.map((_, index) => path.join(folder, `${index}.qcow2`));
    for (const [index, code] of (await exitCodes(files)).entries()) {
      const key = `${batch[index]}/${QEMU_OUTCOMES.get(code) ?? `exit code ${code}`}`;
      matrix.set(key, (matrix.get(key) ?? 0) + 1);
    }
    batch = [];
  };
  try {
    const seen = new Set<string>();
    for (const recording of recordings) {
      for (const { state } of newStates(recording, most, seen)) {
        fs.writeFileSync(path.join(folder, `${batch.length}.qcow2`), state.copy());
        batch.push(ourOutcome(state));
        if (batch.length === BATCH_STATES) await finish();
        if (signal?.aborted) return matrix;
      }
    }
    if (batch.length > 0) await finish();
    return matrix;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

function ourOutcome(state: StateFile): CheckOutcome {
  try {
    const { corruptions, checkErrors, copiedErrors, leaks } = checkImage(state);
    if (corruptions + checkErrors + copiedErrors > 0) return 'corrupt';
    return leaks > 0 ? 'leaks' : 'sound';
  } catch (error) {
    if (!(error instanceof Qcow2Error)) throw error;
    return 'unreadable';
  }
}

async function exitCodes(files: readonly string[]): Promise<number[]> {
  const child = spawn('sh', ['-c', CHECK_ALL, 'sh', ...files], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const part of child.stdout) text += part;
  return text.trim().split('\n').map(Number);
}

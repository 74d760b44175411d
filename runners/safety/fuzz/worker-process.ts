/** One worker process, from its start to its end, however it ends. */
import { type ChildProcess, fork } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { serialize } from 'node:v8';
import { STEPS } from './exercise.ts';
import type { FuzzImage } from './fuzz-plan.ts';
import {
  type Found,
  POSITION_FILE,
  type Position,
  readPosition,
  TASK_FILE,
  type WorkerMessage,
  type WorkerTask,
  writePosition,
} from './worker-messages.ts';

export type Finished = Extract<WorkerMessage, { type: 'finished' }>;

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));
/** Objects of one process: the fuzzer's own and the engine's. */
const HEAP_LIMIT_MIB = 160;
/** A busy machine may keep a process waiting: an image tried on its own gets this many times its processor time. */
const PATIENCE = 5;
export const WATCH_INTERVAL_MS = 100;
const OUT_OF_MEMORY = 'the process ran out of memory for objects';

export class WorkerProcess {
  /** Resolves with the last message; null when the process ended without one. */
  readonly end: Promise<Finished | null>;
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #descriptor: number;
  #errorText = '';

  constructor(task: WorkerTask, onFound: (index: number, found: Found) => void) {
    this.#directory = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
    fs.writeFileSync(path.join(this.#directory, TASK_FILE), serialize(task));
    this.#descriptor = fs.openSync(path.join(this.#directory, POSITION_FILE), 'w+');
    writePosition(this.#descriptor, { index: -1, step: STEPS[0], done: 0 });
    this.#child = fork(WORKER, [this.#directory], {
      execArgv: [...process.execArgv, `--max-old-space-size=${HEAP_LIMIT_MIB}`],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    this.#child.stderr!.on('data', (text: Buffer) => {
      this.#errorText += text.toString();
    });
    this.end = this.#untilEnd(onFound);
  }

  position(): Position {
    return readPosition(this.#descriptor);
  }

  /** Lets the process end after a few more images. */
  stop(): void {
    this.#child.send('stop', () => {});
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Removes what is left of the process. */
  [Symbol.dispose](): void {
    this.kill();
    fs.closeSync(this.#descriptor);
    fs.rmSync(this.#directory, { recursive: true });
  }

  /** What to say of a process that ended without a word. */
  death(): Found {
    const isMemory = this.#errorText.includes('heap out of memory');
    const message = isMemory ? OUT_OF_MEMORY : `the process died: ${this.#errorText.trim().split('\n')[0] ?? ''}`;
    return { property: isMemory ? 'memory' : 'exception', step: this.position().step, message, stack: this.#errorText };
  }

  #untilEnd(onFound: (index: number, found: Found) => void): Promise<Finished | null> {
    return new Promise((resolve, reject) => {
      let last: Finished | null = null;
      this.#child.on('message', (message: WorkerMessage) => {
        if (message.type === 'found') onFound(message.index, message.found);
        else last = message;
      });
      this.#child.on('error', reject);
      this.#child.on('close', () => resolve(last));
    });
  }
}

/** Tries one image in a process of its own. */
export async function tryImage(image: FuzzImage, hangMs: number, exerciseModule: string): Promise<Found | null> {
  let found: Found | null = null;
  let isLate = false;
  using worker = new WorkerProcess({ exerciseModule, work: { kind: 'one', image } }, (_index, what) => {
    found = what;
  });
  let startedMs = Number.POSITIVE_INFINITY;
  const watch = setInterval(() => {
    if (worker.position().index >= 0) startedMs = Math.min(startedMs, performance.now());
    isLate = performance.now() - startedMs > hangMs * PATIENCE;
    if (isLate) worker.kill();
  }, WATCH_INTERVAL_MS);
  const last = await worker.end;
  clearInterval(watch);
  if (found !== null) return found;
  if (last === null && !isLate) return worker.death();
  if (last !== null && last.lastCpuMs <= hangMs) return null;
  return { property: 'hang', step: worker.position().step, message: `takes more than ${hangMs} ms`, stack: '' };
}

/**
 * Shows a run on stderr: a bar on a terminal, a line every few seconds elsewhere (a log file wants no cursor movements),
 * nothing when asked to be quiet.
 */
import type { RunRecord } from '../../../results/record.ts';
import { progressBar, timeLeft } from '../../console/work-progress.ts';
import type { BenchDisplay } from './display.ts';
import type { RunState } from './pacing.ts';

const LINE_INTERVAL_MS = 5000;

/** `forTerminal`: stderr is a terminal. */
export function benchDisplay(quiet: boolean, forTerminal: boolean, write: (line: string) => void): BenchDisplay {
  if (quiet) return { started: () => {}, update: () => {}, finished: () => {} };
  return forTerminal ? new BarDisplay(write) : new LineDisplay(write);
}

function announce(record: RunRecord, imageFolder: string, write: (line: string) => void): void {
  const { fileSystem, syncProbe, warnings } = record.environment;
  const sync = syncProbe === null ? '' : `, a sync takes ${(syncProbe.medianNs / 1000).toFixed(0)} µs`;
  write(`${record.workload.title}; policies ${record.cells.map((cell) => cell.id).join(', ')}`);
  write(`images in ${imageFolder} (${fileSystem.type}${sync})`);
  for (const warning of warnings) write(`warning: ${warning}`);
}

/** One state in words. */
export function progressLine({ round, rounds, cell, part, requests, totalRequests, etaMs }: RunState): string {
  const of = totalRequests === null ? '' : ` of ${totalRequests}`;
  const done = part === 'replay' ? `, request ${requests}${of}` : `, ${part === 'verify' ? 'verifying' : 'preparing'}`;
  const eta = etaMs === null ? '' : `, about ${timeLeft(etaMs)} left`;
  return `round ${round}${rounds > 1 ? ` of ${rounds}` : ''}, ${cell}${done}${eta}`;
}

class LineDisplay implements BenchDisplay {
  readonly #write: (line: string) => void;
  #lastMs = performance.now();

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  started(record: RunRecord, _recordFile: string, imageFolder: string): void {
    announce(record, imageFolder, this.#write);
  }

  update(state: RunState): void {
    if (performance.now() - this.#lastMs < LINE_INTERVAL_MS) return;
    this.#lastMs = performance.now();
    this.#write(progressLine(state));
  }

  finished(): void {}
}

class BarDisplay implements BenchDisplay {
  readonly #write: (line: string) => void;
  readonly #bar = progressBar('{bar} {percentage}% {line}');

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  started(record: RunRecord, _recordFile: string, imageFolder: string): void {
    announce(record, imageFolder, this.#write);
    this.#bar.start(1000, 0, { line: '' });
  }

  update(state: RunState): void {
    this.#bar.update(Math.floor((state.share ?? 0) * 1000), { line: progressLine(state) });
  }

  finished(): void {
    this.#bar.stop();
  }
}

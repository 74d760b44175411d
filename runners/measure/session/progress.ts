/**
 * Shows a run on stderr: a bar on a terminal, a line every few seconds elsewhere (a log file wants no cursor movements),
 * nothing when asked to be quiet.
 */

import { workloadWords } from '../../../dashboards/reading/workload-words.ts';
import type { RunRecord } from '../../../results/record.ts';
import { workloadParts } from '../../../results/workload-parts.ts';
import { wrapped } from '../../console/columns.ts';
import { lengthText, spaceText } from '../../console/expected-cost.ts';
import { stdoutTerminal } from '../../console/terminal.ts';
import { progressBar, timeLeft } from '../../console/work-progress.ts';
import type { BenchDisplay, RunLength } from './display.ts';
import type { RunState } from './pacing.ts';

const LINE_INTERVAL_MS = 5000;

/** Of a line on stderr, which is mostly the terminal that stdout is. */
const width = () => process.stderr.columns ?? stdoutTerminal().width;

/** `forTerminal`: stderr is a terminal. */
export function benchDisplay(quiet: boolean, forTerminal: boolean, write: (line: string) => void): BenchDisplay {
  if (quiet) return { started: () => {}, update: () => {}, stage: () => {}, finished: () => {} };
  return forTerminal ? new BarDisplay(write) : new LineDisplay(write);
}

function announce(
  record: RunRecord,
  imageFolder: string,
  { pacedMs, budgetMs, earlierMs, imageBytes }: RunLength,
  write: (line: string) => void,
): void {
  const { fileSystem, syncProbe, warnings } = record.environment;
  const sync = syncProbe === null ? '' : `, a sync takes ${(syncProbe.medianNs / 1000).toFixed(0)} µs`;
  const say = (text: string) => {
    for (const line of wrapped(text, width())) write(line);
  };
  const parts = workloadParts(record);
  if (parts.length === 1) say(`${record.workload.title}; policies ${record.cells.map(({ id }) => id).join(', ')}`);
  else {
    say(`${parts.length} workloads, ${record.cells.length} configurations: ${workloadWords(record).join('; ')}`);
    say(`policies ${[...new Set(record.cells.map(({ policy }) => policy.name))].join(', ')}`);
  }
  say(`images in ${imageFolder} (${fileSystem.type}${sync})`);
  const disk = `one image at a time, at most about ${spaceText(imageBytes)}`;
  say(`${timeWords(budgetMs, earlierMs)}; ${disk}`);
  for (const [index, part] of parts.entries()) {
    const ms = pacedMs[index] ?? null;
    if (ms !== null) say(pacedLine(part, ms));
  }
  for (const warning of warnings) say(`warning: ${warning}`);
}

function timeWords(budgetMs: number | null, earlierMs: number | null): string {
  if (budgetMs !== null) return `rounds are added for up to ${lengthText(budgetMs)}`;
  if (earlierMs !== null) return `about ${lengthText(earlierMs)}, judged by the last run of this kind here`;
  return 'no run of this kind is stored here: the time left is shown after the first sample';
}

/** What a schedule costs: every replay waits for it, whatever the disk. */
function pacedLine({ cells, workload: { pace } }: Pick<RunRecord, 'cells' | 'workload'>, pacedMs: number): string {
  const waiting = cells.filter(({ device }) => device.kind === 'real').length;
  const one = `paced (${pace}): one replay takes at least ${lengthText(pacedMs)}`;
  if (waiting === 0) return `${one} of virtual time`;
  return waiting === 1 ? one : `${one}, a round of ${waiting} policies ${lengthText(waiting * pacedMs)}`;
}

/** One state in words. */
export function progressLine({
  round,
  rounds,
  cell,
  part,
  requests,
  totalRequests,
  etaMs,
  isControl,
}: RunState): string {
  const of = totalRequests === null ? '' : ` of ${totalRequests}`;
  const done = part === 'replay' ? `, request ${requests}${of}` : `, ${part === 'verify' ? 'verifying' : 'preparing'}`;
  const eta = etaMs === null ? '' : `${timeLeft(etaMs)} left, `;
  const position = round === 0 ? 'warm-up' : `round ${round}${rounds > 1 ? ` of ${rounds}` : ''}`;
  return `${eta}${position}, ${cell}${isControl ? ' again, as the control' : ''}${done}`;
}

/** A part of the run without samples, in words. */
function stageLine(name: string, done: number, of: number): string {
  return `${name}: ${done} of ${of}`;
}

class LineDisplay implements BenchDisplay {
  readonly #write: (line: string) => void;
  #lastMs = performance.now();

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  started(record: RunRecord, imageFolder: string, length: RunLength): void {
    announce(record, imageFolder, length, this.#write);
  }

  update(state: RunState): void {
    if (performance.now() - this.#lastMs < LINE_INTERVAL_MS) return;
    this.#lastMs = performance.now();
    const percent = state.share === null ? '' : `${Math.floor(state.share * 100)} %, `;
    this.#write(`${percent}${progressLine(state)}`);
  }

  stage(name: string, done: number, of: number): void {
    if (done > 0 && performance.now() - this.#lastMs < LINE_INTERVAL_MS) return;
    this.#lastMs = performance.now();
    this.#write(stageLine(name, done, of));
  }

  finished(): void {}
}

class BarDisplay implements BenchDisplay {
  readonly #write: (line: string) => void;
  readonly #bar = progressBar('{bar} {percentage}% {line}');

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  started(record: RunRecord, imageFolder: string, length: RunLength): void {
    announce(record, imageFolder, length, this.#write);
    this.#bar.start(1000, 0, { line: '' });
  }

  update(state: RunState): void {
    this.#bar.update(Math.floor((state.share ?? 0) * 1000), { line: progressLine(state) });
  }

  stage(name: string, done: number, of: number): void {
    this.#bar.update(Math.floor((done / of) * 1000), { line: stageLine(name, done, of) });
  }

  finished(): void {
    this.#bar.stop();
  }
}

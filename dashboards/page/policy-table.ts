/** The first screen's table: exact cost and safety of every policy side by side; a second one holds the noisy times. */
import type { RunRecord } from '../../results/record.ts';
import {
  baselineOf,
  type CountedCell,
  countedCells,
  type Spread,
  spreadOf,
  timesMeaningless,
  waitsOf,
} from '../cells.ts';
import { compareInWords, counted, formatCount, formatDuration } from '../quantities.ts';
import { crashWords } from '../questions/crash-safety.ts';
import { figure } from './data-table.ts';
import { type Html, html } from './html.ts';

interface Measure {
  readonly label: string;
  readonly help: string;
  readonly quantity: 'count' | 'bytes' | 'ratio';
  readonly of: (item: CountedCell) => number | null;
}

const MEASURES: readonly Measure[] = [
  {
    label: 'Syncs',
    help: 'fdatasync calls that reached the operating system',
    quantity: 'count',
    of: ({ exact }) => exact.fsyncs,
  },
  {
    label: 'O_DSYNC writes',
    help: 'writes that return only when they are durable; also counted in writes',
    quantity: 'count',
    of: ({ exact }) => exact.odsyncWrites,
  },
  {
    label: 'Syncs per 1\u00a0000 guest writes',
    help: 'syncs divided by guest writes, times 1 000',
    quantity: 'count',
    of: ({ exact }) => (exact.guest.writes === 0 ? null : Math.round((exact.fsyncs / exact.guest.writes) * 1e5) / 100),
  },
  { label: 'Writes', help: 'write calls on the image file', quantity: 'count', of: ({ exact }) => exact.writes },
  { label: 'Written', help: 'bytes of those writes', quantity: 'bytes', of: ({ exact }) => exact.writeBytes },
];

const WAITS_HELP = 'syncs and O_DSYNC writes together, compared with the baseline';

function waitsCompared(item: CountedCell, baseline: CountedCell): Html {
  if (item === baseline) return html`<span title="the others are compared with this one">baseline</span>`;
  const [ours, theirs] = [waitsOf(item.exact), waitsOf(baseline.exact)];
  const words = compareInWords(ours, theirs, '').replace(/ (than|as|of|unlike)$/, '');
  return html`<span title="${formatCount(ours)} instead of ${formatCount(theirs)}: ${WAITS_HELP}">${words}</span>`;
}

function safetyCells({ cell }: CountedCell): Html {
  const { verification: v, crash } = cell;
  const crashTone =
    crash === null ? 'unknown' : crash.verdict === 'violated' ? 'bad' : crash.verdict === 'leaks' ? 'warn' : 'good';
  const sound = v.content === 'equal' && v.check === 'clean';
  const unknown = v.content === 'not-run' || v.check === 'not-run';
  const tone =
    v.content === 'different' || v.check === 'corrupt' ? 'bad' : sound ? 'good' : unknown ? 'unknown' : 'warn';
  return html`<td class="safety ${tone}" title="guest data read back: ${v.content}; the engine’s own check of the image: ${v.check}">${v.content === 'equal' ? 'data equal' : `data ${v.content}`}, image ${v.check}</td>
<td class="safety ${crashTone}" title="what the crash explorer found for this policy">${crashWords(crash)}</td>`;
}

/** Baseline first row is marked; columns to the right tell whether the cost buys safety. */
export function policyTable(record: RunRecord): Html {
  const cells = countedCells(record);
  const baseline = baselineOf(cells);
  if (baseline === undefined) return html``;
  const row = (item: CountedCell) => html`<tr>
<th scope="row">${item.label}<span class="under">cache ${item.cell.hostCacheMode}</span></th>
<td class="num">${waitsCompared(item, baseline)}</td>
${MEASURES.map((m) => html`<td class="num">${figure(m.of(item), m.quantity, `${m.help} (${item.label})`)}</td>\n`)}
${safetyCells(item)}</tr>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Exact counts and safety of each policy">
<table class="summary" id="policy-table">
<caption><span class="caption">Exact counts, the same on every machine, and what they buy</span></caption>
<thead><tr><td rowspan="2"></td><th scope="colgroup" colspan="${MEASURES.length + 1}" class="group">Cost, exact</th><th scope="colgroup" colspan="2" class="group">Safety</th></tr>
<tr><th scope="col" class="num" title="${WAITS_HELP}">Waits for the disk</th>${MEASURES.map((m) => html`<th scope="col" class="num" title="${m.help}">${m.label}</th>`)}<th scope="col">This run</th><th scope="col">After a power cut</th></tr></thead>
<tbody>${cells.map(row)}</tbody></table></div>`;
}

const TIMES: readonly { label: string; help: string; of: (round: CountedCell['cell']['rounds'][number]) => number }[] =
  [
    { label: 'Wall time', help: 'from the first request to the close', of: (round) => round.wallNs },
    { label: 'In syncs', help: 'time inside fdatasync', of: (round) => round.deviceNs.sync },
    { label: 'In writes', help: 'time inside write calls', of: (round) => round.deviceNs.write },
    { label: 'User CPU', help: 'user CPU time of the replaying worker', of: (round) => round.userCpuNs },
    { label: 'System CPU', help: 'system CPU time of the replaying worker', of: (round) => round.systemCpuNs },
  ];

function spreadCell(spread: Spread | null, help: string): Html {
  if (spread === null) return html`<td class="num">–</td>`;
  return html`<td class="num">${figure(spread.middle, 'duration', `${help}, middle of the rounds`)}${spread.rounds > 1 ? html`<span class="under">${formatDuration(spread.low)} – ${formatDuration(spread.high)}</span>` : null}</td>`;
}

export function timesTable(record: RunRecord): Html {
  const cells = countedCells(record);
  if (cells.length === 0) return html``;
  const row = (item: CountedCell) => html`<tr>
<th scope="row">${item.label}<span class="under">${counted(item.cell.rounds.length, 'round')}${timesMeaningless(record, item.cell) === null ? null : ', says nothing about a disk'}</span></th>
${TIMES.map((time) => spreadCell(spreadOf(item.cell.rounds.map(time.of)), time.help))}
<td class="num">${figure(spreadOf(item.cell.rounds.map((round) => round.peakMemoryBytes))?.high ?? null, 'bytes', 'highest memory of the worker')}</td></tr>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Times of each policy">
<table class="summary noisy" id="times-table">
<caption><span class="caption">Times, noisy: middle of the rounds, lowest and highest below; compare only within this run</span></caption>
<thead><tr><td></td>${TIMES.map((time) => html`<th scope="col" class="num" title="${time.help}">${time.label}</th>`)}<th scope="col" class="num" title="highest memory of the worker">Peak memory</th></tr></thead>
<tbody>${cells.map(row)}</tbody></table></div>`;
}

/** The first screen's table: exact cost and safety of every policy side by side; a second one holds the noisy times. */
import { timedRounds } from '../../results/cell-results.ts';
import type { RunRecord } from '../../results/record.ts';
import { copyButtons, figure } from '../page/data-table.ts';
import { type Html, html } from '../page/html.ts';
import {
  type ComparedCell,
  type CountedCell,
  comparedCells,
  type Spread,
  spreadOf,
  timesMeaningless,
  waitsOf,
} from '../reading/cells.ts';
import { crashWords } from '../reading/crash-words.ts';
import { imageGroups } from '../reading/image-groups.ts';
import { CPU_TIME, hasInterval, intervalWords, pairedTime, verdictWords, WALL_TIME } from '../reading/paired-times.ts';
import { compareInWords, counted, formatCount, formatDuration, formatRatio } from '../reading/quantities.ts';

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
    help: 'writes that return only once they are durable; also counted in writes',
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

const WAITS_HELP = 'syncs plus O_DSYNC writes, compared with the baseline';

function waitsCompared(item: ComparedCell): Html {
  const { baseline } = item;
  if (baseline === null) return html`<span title="the others are compared with this one">baseline</span>`;
  const [ours, theirs] = [waitsOf(item.exact), waitsOf(baseline.exact)];
  const words = compareInWords(ours, theirs, '').replace(/ (than|as|of|unlike)$/, '');
  return html`<span title="${formatCount(ours)} instead of ${formatCount(theirs)} of ${baseline.label}: ${WAITS_HELP}">${words}</span>`;
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

/** One body for each image of a sweep, under its name; a single body without one otherwise. */
function bodies(record: RunRecord, columns: number, row: (item: ComparedCell, part: RunRecord) => Html): Html {
  return html`${imageGroups(record).map(({ label, record: part }) => {
    const head =
      label === '' ? null : html`<tr class="image"><th scope="rowgroup" colspan="${columns}">${label}</th></tr>`;
    return html`<tbody>${head}${comparedCells(part).map((item) => row(item, part))}</tbody>`;
  })}`;
}

function policyRow(item: ComparedCell): Html {
  return html`<tr>
<th scope="row">${item.label}<span class="under" title="how the image file is opened">cache ${item.cell.hostCacheMode}</span></th>
<td class="num">${waitsCompared(item)}</td>
${MEASURES.map((m) => html`<td class="num">${figure(m.of(item), m.quantity, `${m.help} (${item.label})`)}</td>\n`)}
${safetyCells(item)}</tr>`;
}

/** Columns to the right tell whether the cost buys safety. */
export function policyTable(record: RunRecord): Html {
  if (comparedCells(record).length === 0) return html``;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Exact counts and safety of each policy">
<table class="summary cards" id="policy-table">
<caption><span class="caption">Exact counts (identical on every machine) and the safety they buy</span></caption>
<thead><tr><td rowspan="2"></td><th scope="colgroup" colspan="${MEASURES.length + 1}" class="group">Cost, exact</th><th scope="colgroup" colspan="2" class="group">Safety</th></tr>
<tr><th scope="col" class="num" title="${WAITS_HELP}">Waits for the disk</th>${MEASURES.map((m) => html`<th scope="col" class="num" title="${m.help}">${m.label}</th>`)}<th scope="col">This run</th><th scope="col">After a power cut</th></tr></thead>
${bodies(record, MEASURES.length + 4, policyRow)}</table></div>
<div class="tools">${copyButtons('policy-table', 'exact counts and safety')}</div>`;
}

const TIMES: readonly { label: string; help: string; of: (round: CountedCell['cell']['rounds'][number]) => number }[] =
  [
    { label: 'Wall time', help: 'from the first request to the close', of: (round) => round.wallNs },
    { label: 'In syncs', help: 'time inside fdatasync', of: (round) => round.deviceNs.sync },
    { label: 'In writes', help: 'time inside write calls', of: (round) => round.deviceNs.write },
    { label: 'CPU', help: 'user and system CPU time of the replaying worker', of: CPU_TIME.of },
  ];

function spreadCell(spread: Spread | null, help: string): Html {
  if (spread === null) return html`<td class="num">–</td>`;
  return html`<td class="num">${figure(spread.middle, 'duration', `${help}, median of the rounds`)}${spread.rounds > 1 ? html`<span class="under" title="minimum and maximum of ${spread.rounds} rounds: ${help}">${formatDuration(spread.low)} – ${formatDuration(spread.high)}</span>` : null}</td>`;
}

const AGAINST_HELP = 'wall time as a multiple of the baseline, from pairs of rounds: its interval, and what it means';

function againstBaseline(record: RunRecord, item: ComparedCell): Html {
  if (item.baseline === null)
    return html`<td class="num"><span title="the others are compared with this one">baseline</span></td>`;
  const time = pairedTime(record, item.cell, item.baseline.cell, WALL_TIME);
  if (time === null) return html`<td class="num"><span title="no pair of rounds was timed">–</span></td>`;
  const { ratio, low, high } = time.interval;
  const range = hasInterval(time) ? `${formatRatio(low)} – ${formatRatio(high)}: ` : '';
  const help = `${item.label} against ${item.baseline.label}: ${AGAINST_HELP}; ${intervalWords(time)}`;
  return html`<td class="num">${figure(ratio, 'ratio', help)}<span class="under">${range}${hasInterval(time) ? verdictWords(time) : intervalWords(time)}</span></td>`;
}

/** A program reached through a pipe was replayed a second time, for its latencies. */
function oneByOne(rounds: ReturnType<typeof timedRounds>): Html | null {
  const spread = spreadOf(rounds.flatMap(({ oneByOneNs }) => oneByOneNs ?? []));
  if (spread === null) return null;
  const help =
    'wall time of the replay that sends each command after the answer to the one before, as latencies are measured';
  return html`, ${figure(spread.middle, 'duration', help)} one by one`;
}

function timesRow(item: ComparedCell, record: RunRecord): Html {
  const rounds = timedRounds(item.cell);
  const traced = rounds.some((round) => round.traced === true) ? ', warm-up only' : null;
  const doubt = timesMeaningless(record, item.cell) === null ? null : ', not a real disk';
  const memory = spreadOf(item.cell.rounds.map((round) => round.peakMemoryBytes))?.high ?? null;
  return html`<tr>
<th scope="row">${item.label}<span class="under">${counted(rounds.length, 'round')}${traced}${doubt}${oneByOne(rounds)}</span></th>
${againstBaseline(record, item)}
${TIMES.map((time) => spreadCell(spreadOf(rounds.map(time.of)), `${time.help} (${item.label})`))}
<td class="num">${figure(memory, 'bytes', `peak memory of the worker (${item.label})`)}</td></tr>`;
}

export function timesTable(record: RunRecord): Html {
  if (comparedCells(record).length === 0) return html``;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Times of each policy">
<table class="summary noisy cards" id="times-table">
<caption><span class="caption">Wall-clock times (noisy): median, with minimum and maximum below; compare only within this run</span></caption>
<thead><tr><td></td><th scope="col" class="num" title="${AGAINST_HELP}">Against the baseline</th>${TIMES.map((time) => html`<th scope="col" class="num" title="${time.help}">${time.label}</th>`)}<th scope="col" class="num" title="peak memory of the worker">Peak memory</th></tr></thead>
${bodies(record, TIMES.length + 3, timesRow)}</table></div>
<div class="tools">${copyButtons('times-table', 'times')}</div>`;
}

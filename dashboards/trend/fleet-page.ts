/** The page over machines and storages: which policy on which of them, and what commits changed on how many of them. */
import { pageDocument } from '../page/document.ts';
import { type Html, html } from '../page/html.ts';
import { pageTop } from '../page/page-top.ts';
import { counted, formatCount, formatRatio } from '../reading/quantities.ts';
import { pageFilters, unique } from './page-filters.ts';
import { type RunSummary, type StorageAnswer, underNewestNames } from './run-points.ts';
import { allSeries, commitLabel, type FigureKind, type Series } from './series.ts';

interface Answer extends StorageAnswer {
  readonly run: RunSummary;
}

/** Of each workload on each storage, the newest complete run that says something. */
function newestAnswers(runs: readonly RunSummary[]): Answer[] {
  const answers = new Map<string, Answer>();
  for (const run of runs.toSorted((a, b) => a.startedAt.localeCompare(b.startedAt))) {
    if (run.status !== 'complete' || run.findings.length > 0) continue;
    for (const one of run.storages) {
      if (one.outcome !== 'none') answers.set(JSON.stringify([one.storage, one.image, one.workload]), { ...one, run });
    }
  }
  return [...answers.values()].sort(
    (a, b) => a.workload.localeCompare(b.workload) || a.storage.localeCompare(b.storage),
  );
}

const OUTCOMES: Readonly<Record<Exclude<StorageAnswer['outcome'], 'none'>, readonly [words: string, tone: string]>> = {
  best: ['fastest', 'good'],
  tied: ['as fast as each other', 'good'],
  unsure: ['not settled: more rounds are needed', 'unknown'],
};

function answerRow({ storage, workload, image, outcome, best, factor, versus, run }: Answer): Html {
  if (outcome === 'none') return html``;
  const [words, tone] = OUTCOMES[outcome];
  const link = run.hasReport ? `runs/${run.runId}.html` : `runs/${run.runId}.json`;
  return html`<tr data-machine="${run.machine}" data-workload="${workload}" data-storage="${storage}">
<th scope="row">${storage}${image === '' ? null : html`<span class="under wrap">${image}</span>`}</th><td>${workload}</td>
<td>${best.join(', ')}</td><td class="safety ${tone}">${words}</td>
<td class="num">${factor === null ? '–' : html`<data value="${factor}" title="time of ${versus ?? 'the next'} divided by that of the fastest">${formatRatio(factor)}</data>`}${versus === null ? null : html`<span class="under">${versus}</span>`}</td>
<td><a href="${link}">${run.startedAt.slice(0, 10)}</a><span class="under">${commitLabel(run)}</span></td></tr>\n`;
}

function answersTable(answers: readonly Answer[]): Html {
  return html`<section id="storages" class="question" aria-labelledby="storages-title">
<h2 id="storages-title"><a href="#storages">Which policy on which of our storages?</a></h2>
<p class="reading">From the newest complete run of each workload on each storage. Policies that gave wrong data, or did not survive a power cut during that workload, are not recommended however fast they are.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Recommended policies by storage">
<table class="summary cards" id="storages-table"><caption><span class="caption" data-shown-rows="storages-table"></span></caption>
<thead><tr><th scope="col">Storage</th><th scope="col">Workload</th><th scope="col">Use</th><th scope="col">How sure</th><th scope="col" class="num">Others take</th><th scope="col">Run</th></tr></thead>
<tbody>${answers.map(answerRow)}</tbody></table></div></section>`;
}

interface CommonChange {
  readonly figure: FigureKind;
  readonly workload: string;
  readonly label: string;
  readonly commit: string;
  readonly subject: string;
  readonly date: string;
  /** On each machine: the level after the change divided by the one before it; null where that was 0. */
  readonly machines: ReadonlyMap<string, number | null>;
  /** Machines that have this series. */
  readonly of: number;
}

/** What one commit changed in one figure of one policy, over all machines. */
function commonChanges(series: readonly Series[]): CommonChange[] {
  const groups = Map.groupBy(series, ({ figure, workload, label }) => JSON.stringify([figure.id, workload, label]));
  return [...groups.values()].flatMap((own) => {
    const { figure, workload, label } = own[0]!;
    const changes = own.flatMap(({ machine, points, changes: found }) =>
      found.map(({ index, before, after }) => ({
        machine,
        point: points[index]!,
        ratio: before === 0 ? null : after / before,
      })),
    );
    return [...Map.groupBy(changes, ({ point }) => commitLabel(point)).values()].map((same): CommonChange => {
      const { point } = same[0]!;
      const machines = new Map(same.map(({ machine, ratio }) => [machine, ratio]));
      const of = new Set(own.map(({ machine }) => machine)).size;
      return {
        figure,
        workload,
        label,
        commit: commitLabel(point),
        subject: point.subject,
        date: point.date,
        machines,
        of,
      };
    });
  });
}

const MOST_CHANGES = 200;

function changeRow({ figure, workload, label, commit, subject, machines, of }: CommonChange): Html {
  const ratios = [...machines.values()].filter((ratio) => ratio !== null).sort((a, b) => a - b);
  const [low, high] = [ratios[0], ratios.at(-1)];
  const range =
    low === undefined || high === undefined
      ? '–'
      : low === high
        ? formatRatio(low)
        : `${formatRatio(low)} to ${formatRatio(high)}`;
  const worse = ratios.filter((ratio) => ratio > 1).length;
  const words = worse === ratios.length ? 'worse' : worse === 0 ? 'better' : 'worse on some, better on others';
  return html`<tr data-workload="${workload}">
<th scope="row">${commit}${subject === '' ? null : html`<span class="under wrap">${subject}</span>`}</th><td>${figure.title}</td><td>${label}<span class="under wrap">${workload}</span></td>
<td class="safety ${words === 'better' ? 'good' : 'bad'}">${words}</td><td class="num">${range}</td>
<td class="num"><data value="${machines.size}" title="${[...machines.keys()].join('; ')}">${formatCount(machines.size)} of ${formatCount(of)}</data></td></tr>\n`;
}

function changesTable(changes: readonly CommonChange[]): Html {
  const newest = changes.toSorted((a, b) => b.date.localeCompare(a.date) || b.machines.size - a.machines.size);
  return html`<section id="changes" class="question" aria-labelledby="changes-title">
<h2 id="changes-title"><a href="#changes">What changed on how many machines?</a></h2>
<p class="reading">Less is better in all metrics. An exact count changes with any difference, a time only where a change-point test over the runs of that machine finds one: a change on one machine of many is more often the machine's than the commit's.${changes.length > MOST_CHANGES ? ` The newest ${MOST_CHANGES} of ${changes.length}.` : null}</p>
<div class="scroll" tabindex="0" role="region" aria-label="Changes over all machines">
<table class="summary cards" id="changes-table"><caption><span class="caption" data-shown-rows="changes-table"></span></caption>
<thead><tr><th scope="col">Commit</th><th scope="col">Metric</th><th scope="col">Policy</th><th scope="col">Direction</th><th scope="col" class="num">Ratio</th><th scope="col" class="num">Machines</th></tr></thead>
<tbody>${newest.slice(0, MOST_CHANGES).map(changeRow)}</tbody></table></div></section>`;
}

function machinesTable(runs: readonly RunSummary[]): Html {
  const row = (own: readonly RunSummary[]) => {
    const newest = own.reduce((a, b) => (a.startedAt > b.startedAt ? a : b));
    const disks = unique(
      own.flatMap(({ storages }) => storages.filter(({ isModel }) => !isModel).map((one) => one.storage)),
    );
    return html`<tr data-machine="${newest.machine}"><th scope="row">${newest.machine}</th><td>${disks.join('; ')}</td>
<td class="num"><data value="${own.length}" title="runs of this machine">${formatCount(own.length)}</data></td><td>${newest.startedAt.slice(0, 16).replace('T', ' ')}</td></tr>\n`;
  };
  return html`<section id="machines" class="question" aria-labelledby="machines-title">
<h2 id="machines-title"><a href="#machines">Machines</a></h2>
<div class="scroll" tabindex="0" role="region" aria-label="Table of machines">
<table class="summary cards" id="machines-table"><caption class="hidden">Every machine that measured</caption>
<thead><tr><th scope="col">Machine</th><th scope="col">Storages</th><th scope="col" class="num">Runs</th><th scope="col">Newest run (UTC)</th></tr></thead>
<tbody>${[...Map.groupBy(runs, ({ machine }) => machine).values()].map(row)}</tbody></table></div></section>`;
}

/** `ordered on 3 of 4, reserve on 1`. */
function headline(answers: readonly Answer[]): string {
  const settled = answers.filter(({ outcome }) => outcome === 'best' || outcome === 'tied');
  if (settled.length === 0) return 'No run says yet which policy is fastest on any storage.';
  const wins = [...Map.groupBy(settled, ({ best }) => best.toSorted().join(' or '))]
    .map(([who, own]) => ({ who, count: own.length }))
    .sort((a, b) => b.count - a.count);
  const words = wins.slice(0, 3).map(({ who, count }) => `${who} ${formatCount(count)}`);
  const rest =
    wins.length > 3 ? `, others ${formatCount(wins.slice(3).reduce((sum, { count }) => sum + count, 0))}` : '';
  const open = answers.length - settled.length;
  const unsure = open === 0 ? '' : `; ${formatCount(open)} not settled`;
  return `Fastest, of ${counted(answers.length, 'pair')} of storage and workload: ${words.join(', ')}${rest}${unsure}.`;
}

/** `runs` with points are looked through for changes. */
export async function renderFleet(given: readonly RunSummary[]): Promise<string> {
  const runs = underNewestNames(given);
  const answers = newestAnswers(runs);
  const changes = commonChanges(allSeries(runs));
  const machines = new Set(runs.map(({ machine }) => machine)).size;
  const body = html`${pageTop()}
<main id="main">
<h1>Machines and storages</h1>
<p class="meta">${counted(runs.length, 'run')} on ${counted(machines, 'machine')}</p>
<section id="answer" aria-label="The answer"><p class="verdict">${headline(answers)}</p>
<p><a href="index.html">Dashboard</a></p>
${pageFilters(runs, { policies: [], hidesUnchanged: false })}</section>
${answersTable(answers)}
${changes.length > 0 ? changesTable(changes) : null}
${machinesTable(runs)}
</main>`;
  return pageDocument({ title: 'cowbench machines and storages', body, charts: [] });
}

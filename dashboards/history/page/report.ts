/** The page of a history run: the story first, then one section for each point, then how to repeat it. */
import { readFileSync } from 'node:fs';
import type { ChartBundle } from '../../charts/chart-bundle.ts';
import { pageDocument } from '../../page/document.ts';
import { shellWord } from '../../page/environment.ts';
import { glossarySection } from '../../page/glossary.ts';
import { type Html, html } from '../../page/html.ts';
import { counted, formatBytes, formatDuration } from '../../reading/quantities.ts';
import { withVisibleLabels } from '../../reading/visible-labels.ts';
import type { HistoryRun } from '../history-run.ts';
import { type Claim, claimText } from '../point.ts';
import { POINTS } from '../points/index.ts';
import { compileChart } from './chart.ts';
import { type Commit, commitRows, commitSpec, commitsOf, commitTable, effectText, told } from './commits.ts';
import { SYNC_MATRIX_SPEC, syncMatrixRows, syncMatrixTable } from './matrix.ts';
import { section } from './section.ts';
import { timeline, timelineText } from './timeline.ts';
import { warningsOf } from './warnings.ts';

interface Drawn {
  readonly markup: Html;
  readonly chart: ChartBundle | null;
}

/** A section and its chart; what the chart shows is also said in words, for those who do not see it. */
function drawn(
  parts: Omit<Parameters<typeof section>[0], 'drawn'> & Pick<Parameters<typeof compileChart>[0], 'spec' | 'rows'>,
): Drawn {
  const { spec, rows, ...words } = parts;
  const measured = rows.length > 0;
  const description = [words.title, ...words.claims.map(claimText)].join('. ');
  return {
    markup: section({ ...words, drawn: measured }),
    chart: measured ? compileChart({ id: words.id, description, spec, rows }) : null,
  };
}

function pointSections(run: HistoryRun): Drawn[] {
  return POINTS.map((point) => {
    const { id, title, reading, spec } = point;
    return drawn({
      id,
      title,
      reading,
      spec,
      rows: point.rows(run),
      table: point.table(run),
      claims: point.claims(run),
    });
  });
}

function overview(run: HistoryRun, commits: readonly Commit[]): Drawn[] {
  return [
    drawn({
      id: 'commits',
      title: 'Every workload, before and after each commit',
      reading:
        'Left of 1× the commit made it cheaper; right of it, more expensive. Waits are syncs in writeback, and syncs plus O_DSYNC writes in writethrough.',
      spec: commitSpec(commits),
      rows: commitRows(commits),
      table: commitTable(commits),
      claims: [],
    }),
    drawn({
      id: 'matrix',
      title: 'Syncs of every stage, workload and mode',
      reading: `Exact counts, each with its ratio to ${run.stages[0]!.id} in the same mode. A stronger colour: more than ${run.stages[0]!.id}. O_DSYNC: writes that are durable on return.`,
      spec: SYNC_MATRIX_SPEC,
      rows: syncMatrixRows(run),
      table: syncMatrixTable(run),
      claims: [],
    }),
  ];
}

function tally(claims: readonly Claim[]): string {
  const count = (holds: boolean | null) => claims.filter((claim) => claim.holds === holds).length;
  const [yes, no, unknown] = [count(true), count(false), count(null)];
  return `Of ${claims.length} claims about history, ${yes} ${yes === 1 ? 'holds' : 'hold'} in this run, ${no} ${no === 1 ? 'does' : 'do'} not${unknown > 0 ? `, ${unknown} were not measured` : ''}.`;
}

function answer(run: HistoryRun, commits: readonly Commit[], claims: readonly Claim[]): Html {
  const strongest = commits
    .flatMap((commit) =>
      told(commit)
        .bought.slice(0, 1)
        .map((effect) => ({ commit, effect })),
    )
    .sort((a, b) => a.effect.ratio - b.effect.ratio)[0];
  const worst = commits
    .flatMap((commit) =>
      told(commit)
        .worse.slice(0, 1)
        .map((effect) => ({ commit, effect })),
    )
    .sort((a, b) => b.effect.ratio - a.effect.ratio)[0];
  const warnings = warningsOf(run).map((text) => html`<li class="warn">${text}</li>`);
  return html`<section id="answer" aria-label="The answer">
<p class="verdict">${strongest === undefined ? 'Nothing was compared in this run.' : html`Biggest win: ${strongest.commit.stage.id}, ${effectText(strongest.effect).markup}.`}</p>
${worst === undefined ? null : html`<p class="further">The strongest loss: ${worst.commit.stage.id}, ${effectText(worst.effect).markup}.</p>`}
<p class="further">${tally(claims)}</p>
${warnings.length > 0 ? html`<ul class="warnings" aria-label="Warnings">${warnings}</ul>` : null}
</section>`;
}

function safety({ safetyPage }: HistoryRun, link: string | null): Html {
  const name = link === null ? safetyPage : html`<a href="${link}">${safetyPage}</a>`;
  const where = safetyPage === null ? null : html` ${name} in the repository has the results.`;
  return html`<section id="safety" class="question" aria-labelledby="safety-title">
<h2 id="safety-title"><a href="#safety">What survives a power cut</a></h2>
<p class="reading">Not part of this run: it counts, and cuts no power. The crash explorer (cowbench crash) does that.${where}</p>
</section>`;
}

function environment(run: HistoryRun): Html {
  const command = ['npm', 'run', '-s', 'cowbench', '--', ...run.command].map(shellWord).join(' ');
  const record = run.parts[0]?.record;
  const took = (Date.parse(run.finishedAt) - Date.parse(run.startedAt)) * 1e6;
  const probe = record?.environment.syncProbe;
  const facts: [string, string][] = [
    ['Run', `${run.runId}, ${run.startedAt.slice(0, 19).replace('T', ' ')} UTC, took ${formatDuration(took)}`],
    [
      'Size',
      `${run.size}, ${run.parts.length} parts, ${run.parts.reduce((n, part) => n + part.record.cells.length, 0)} configurations`,
    ],
    ...(record === undefined
      ? []
      : ([
          [
            'Source',
            `cowbench ${record.source.version}, commit ${record.source.commit?.slice(0, 12) ?? 'none'}${record.source.dirty ? ', with uncommitted changes' : ''}`,
          ],
          ['File system', record.environment.fileSystem.type],
          ['Sync probe', probe == null ? 'not run' : `median ${formatDuration(probe.medianNs)}`],
          ['System', `${record.environment.kernel}, Node ${record.environment.node}, ${record.environment.cpu}`],
        ] as [string, string][])),
  ];
  const parts = run.parts.map(({ title, record: { command: words } }) => {
    const line = ['npm', 'run', '-s', 'cowbench', '--', ...words].map(shellWord).join(' ');
    return html`<tr><td>${title}</td><td><code>${line}</code></td></tr>`;
  });
  return html`<section id="environment" aria-labelledby="environment-title">
<h2 id="environment-title">Environment, and how to repeat this run</h2>
<div class="command"><pre tabindex="0" aria-label="Command that repeats this run"><code>${command}</code></pre>
<button type="button" class="tool" data-copy="${command}">Copy</button></div>
<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>
<details class="data"><summary>Each part is a bench of its own: ${String(parts.length)} commands</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Commands of the parts"><table class="parts"><tbody>${parts}</tbody></table></div></details>
</section>`;
}

const MONTH = new Intl.DateTimeFormat('en', { month: 'long', year: 'numeric', timeZone: 'UTC' });

/** `January 2011 to July 2011`. */
function period({ stages }: HistoryRun): string {
  const month = (date: string) => {
    const time = Date.parse(date);
    return Number.isNaN(time) ? date : MONTH.format(time);
  };
  return `${month(stages[0]!.date)} to ${month(stages.at(-1)!.date)}`;
}

/** Each workload is called by its size as well: a part of a recorded installation is not the installation. */
function withSizes(run: HistoryRun): HistoryRun {
  const parts = run.parts.map((part) => {
    const guest = part.record.cells.find(({ exact }) => exact !== null)?.exact?.guest;
    if (guest === undefined) return part;
    return { ...part, title: `${part.title} (${counted(guest.writes, 'write')}, ${formatBytes(guest.writeBytes)})` };
  });
  return { ...run, parts };
}

function allClaims(run: HistoryRun): Claim[] {
  return POINTS.flatMap((point) => [...point.claims(run)]);
}

/**
 * One HTML file that works offline; every label of the records is treated as untrusted. `safetyLink`: where the run's page on
 * safety lies as seen from this file, as a URL.
 */
export async function renderHistory(document: HistoryRun, safetyLink: string | null = null): Promise<string> {
  const run = withSizes(withVisibleLabels(document));
  const commits = commitsOf(run);
  const sections = [...overview(run, commits), ...pointSections(run)];
  const body = html`<a class="skip" href="#main">Skip to the answer</a>
<header class="top"><p class="brand">cowbench <span>what a copy-on-write image costs</span></p>
<button type="button" class="tool" id="theme" aria-label="Colour theme: as the system">Theme: system</button></header>
<main id="main">
<h1>QEMU’s qcow2 driver: the history of its metadata cache, ${period(run)}</h1>
<p class="meta">${run.startedAt.slice(0, 10)} · ${run.stages.length} stages · ${run.parts.length} workloads</p>
${answer(run, commits, allClaims(run))}
${timeline(run, commits)}
${sections.map(({ markup }) => markup)}
${safety(run, safetyLink)}
${environment(run)}
${glossarySection()}
</main>
<footer><p>Made from run ${run.runId}. Every number in a sentence is a count of this run, or calculated from counts; hover over it to see which.</p></footer>`;
  return pageDocument({
    title: 'History: cowbench report',
    body,
    charts: sections.flatMap(({ chart }) => chart ?? []),
    style: readFileSync(new URL('style.css', import.meta.url), 'utf8'),
  });
}

/** The story as lines of text. */
export function historyText(run: HistoryRun): string[] {
  const points = POINTS.flatMap((point) => [point.title, ...point.claims(run).map((claim) => `  ${claimText(claim)}`)]);
  return [...timelineText(commitsOf(run)), '', ...points, '', tally(allClaims(run))];
}

/** The stages in chronological order, each with what its commit gained and what it made worse in this run. */

import { type Html, html } from '../../page/html.ts';
import { counted } from '../../reading/quantities.ts';
import type { HistoryRun, HistoryStage } from '../history-run.ts';
import { type Commit, type Effect, effectText, told } from './commits.ts';

function effectsList(kind: 'good' | 'bad', heading: string, effects: readonly Effect[]): Html {
  if (effects.length === 0) return html``;
  return html`<p class="effects ${kind}">${heading}</p>
<ul class="effects">${effects.map((effect) => html`<li>${effectText(effect).markup}</li>`)}</ul>`;
}

function furtherWords({ further, same }: ReturnType<typeof told>, all: number): string {
  const rest = [
    ...(further > 0 ? [`${counted(further, 'further change')} in the chart below`] : []),
    ...(same > 0 ? [`as before (within 2 %): ${same} of ${all} workloads and modes`] : []),
  ];
  return rest.join('; ');
}

/** Where the commits of QEMU are read. */
const COMMIT_PAGE = 'https://gitlab.com/qemu-project/qemu/-/commit/';

/** Hashes as links; the parent of a commit (`HASH^`) has no address of its own. */
function commitLinks(text: string): Html {
  const parts = text.split(/\b([0-9a-f]{9,40})\b(?!\^)/);
  return html`${parts.map((part, index) => (index % 2 === 0 ? html`${part}` : html`<a href="${COMMIT_PAGE}${part}">${part}</a>`))}`;
}

function stageItem(stage: HistoryStage, commit: Commit | undefined): Html {
  const effects = commit === undefined ? null : told(commit);
  const measured = commit !== undefined && commit.effects.length > 0;
  return html`<li><p class="when"><time datetime="${stage.date}">${stage.date}</time> · commit ${commitLinks(stage.commit)}</p>
<h3>${stage.id}: ${stage.title}</h3>
${effects === null ? null : html`${effectsList('good', 'Gained', effects.bought)}${effectsList('bad', 'Made worse', effects.worse)}`}
${effects === null ? null : html`<p class="rest">${measured ? furtherWords(effects, commit.effects.length) : 'Not measured in this run.'}</p>`}</li>
`;
}

export function timeline(run: HistoryRun, commits: readonly Commit[]): Html {
  return html`<section id="timeline" class="question" aria-labelledby="timeline-title">
<h2 id="timeline-title"><a href="#timeline">What each commit gained, and what it made worse</a></h2>
<p class="reading">Counts are syncs in writeback, and syncs plus O_DSYNC writes in writethrough: how often the engine blocked on the disk. The three largest gains and losses are listed.</p>
<ol class="timeline">${run.stages.map((stage) =>
    stageItem(
      stage,
      commits.find((commit) => commit.stage === stage),
    ),
  )}</ol>
</section>`;
}

/** The same as lines of text. */
export function timelineText(commits: readonly Commit[]): string[] {
  return commits.flatMap((commit) => {
    const { bought, worse } = told(commit);
    const lines = (word: string, effects: readonly Effect[]) =>
      effects.map((effect) => `  ${word}: ${effectText(effect).text}`);
    const effects = [...lines('gained', bought), ...lines('made worse', worse)];
    const none = commit.effects.length === 0 ? '  not measured' : '  no count changed by more than 2 %';
    return [
      `${commit.stage.id} (${commit.stage.commit}): ${commit.stage.title}`,
      ...(effects.length > 0 ? effects : [none]),
    ];
  });
}

/** One section of the page: words, claims with their verdicts, the chart, its table. */

import type { DataTable } from '../../charts/question.ts';
import { dataTable } from '../../page/data-table.ts';
import { type Html, html } from '../../page/html.ts';
import { chartTools } from '../../page/question-section.ts';
import type { Claim } from '../point.ts';

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly reading: string;
  /** False: nothing to draw. */
  readonly drawn: boolean;
  readonly table: DataTable;
  readonly claims: readonly Claim[];
}

function verdict({ holds }: Claim): { tone: string; words: string } {
  if (holds === null) return { tone: 'unknown', words: 'not measured in this run' };
  return holds ? { tone: 'good', words: 'holds' } : { tone: 'bad', words: 'does not hold in this run' };
}

function claimItem(claim: Claim): Html {
  const { tone, words } = verdict(claim);
  return html`<li class="claim ${tone}"><p><strong>${claim.said}</strong> <span class="outcome">${words}</span></p>
${claim.found === null ? null : html`<p>${claim.found.markup}</p>`}</li>`;
}

export function section({ id, title, reading, drawn, table, claims }: Section): Html {
  return html`<section id="${id}" class="question" aria-labelledby="${id}-title">
<h2 id="${id}-title"><a href="#${id}">${title}</a></h2>
<p class="reading">${reading}</p>
${claims.length > 0 ? html`<ul class="claims">${claims.map(claimItem)}</ul>` : null}
${
  drawn
    ? html`<figure><div class="chart" id="${id}-chart" data-renderer="svg"></div></figure>
${chartTools(id, title)}
${dataTable(table, id)}`
    : html`<p class="absent">Not measured in this run.</p>`
}
</section>`;
}
